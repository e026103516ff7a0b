"""Allocators that give memory back, chosen before anything takes some.

Nothing here imports pyarrow, as Arrow chooses its allocator once, when it is loaded.
"""

import ctypes
import os
from typing import Final

ARROW_POOL: Final = ("ARROW_DEFAULT_MEMORY_POOL", "system")
"""Arrow's own allocator, mimalloc, takes 1 GiB of address space at once and, where a limit refuses that, ever more of
it piecemeal; it also keeps more resident. pyarrow.set_memory_pool comes too late: what Arrow allocates for itself, when
it compresses or writes Parquet, stays with the allocator that was there. Source: docs/proofs.md, B6."""
M_MMAP_THRESHOLD: Final = -3
"""The number of this setting in the malloc.h of glibc."""
MMAP_THRESHOLD_BYTES: Final = 2**20
"""Blocks from this size on are mappings of their own, which go back to the system when they are freed. Left alone,
glibc raises the threshold to the largest block freed so far, up to 32 MiB, and keeps what lies between blocks in use:
189 MiB in place of 120 for one input. Source: docs/proofs.md, B6."""


def give_memory_back() -> None:
    """Have this process's allocators return what is freed. What the user chose in the environment stays.

    To be called before pyarrow is imported.
    """
    os.environ.setdefault(*ARROW_POOL)
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
        if mallopt is not None:  # other C libraries than glibc have none, and return large blocks anyway
            mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
