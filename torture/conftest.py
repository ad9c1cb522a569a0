"""`make torture`: what takes too long for `make test`. Each file proves promises of docs/reliability.md."""

import signal

import torch

torch.set_num_threads(1)  # tests run side by side, one per core

# A shell that starts tests in the background has Ctrl-C ignored, here and in every command that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
