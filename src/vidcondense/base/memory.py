"""How the C library treats memory that tensors no longer need."""

import ctypes

# From malloc.h of glibc, and the largest value that it takes for either.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT = 2**31 - 1
ON_THE_HEAP = 2**30


def keep_freed() -> bool:
    """Let freed memory serve the next tensors, in place of going back to the system.

    glibc returns large blocks at once, and the system clears each page of the next one, which takes up to a
    third of the time of training on a few clips. What the process holds at most is about the same. Other C
    libraries stay as they are, and variables of the environment (MALLOC_...) are overruled.

    Returns:
        Whether the C library took it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS and Windows have none
        return False
    return bool(mallopt(MMAP_THRESHOLD, ON_THE_HEAP)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
