"""Threads that compute let the event loop go first, so that refusals and health are quick when every core is busy."""

import os
import threading
from typing import Final

NICENESS: Final = 5
"""A third of the event loop's weight where they compete, and preempted when it wakes. Source: docs/proofs.md, R6."""


def compute_behind() -> None:
    """Lower the priority of the calling thread, and so of each that it starts; nothing else of the process."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
