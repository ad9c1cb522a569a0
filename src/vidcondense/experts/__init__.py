"""Expert trajectories: weights of networks after every epoch of training on real clips (MTT)."""

from vidcondense.experts.buffer import Experts
from vidcondense.experts.training import train

__all__ = ["Experts", "train"]
