"""Shared fixtures; every test process uses one thread, so that tests run side by side."""

import torch

torch.set_num_threads(1)
