"""Coresets: which real clips to keep. One selector per file."""

from vidcondense.coresets.herding import select_herding
from vidcondense.coresets.k_center import select_k_center
from vidcondense.coresets.random import select_random
from vidcondense.coresets.selection import Coreset

CORESETS: dict[str, Coreset] = {
    "random": select_random,
    "herding": select_herding,
    "k_center": select_k_center,
}
