"""Chunks scored side by side in threads.

The engine and the tokeniser work outside Python's lock, so that one thread's reading, language detection and writing
overlap with the other's forward passes; no thread waits for the slower half of a forward pass.
"""

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final

from models.prediction import Classifier
from training.rows import BadRow, Row
from training.scoring import Job, Part, score_chunk

Chunk = tuple[int, list[Row | BadRow]]
"""A chunk's number, from 1, and its rows."""
COLLECT_AFTER: Final = (100_000, 50, 100)
"""New objects, and younger collections, between two of Python's searches for cycles. Its default, 700, has it look
through all rows under way again and again, a third of the time outside the engine. Source: docs/log.md, "Scoring"."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Have Python look for cycles rarely while the block runs: rows and predictions make none."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what was imported and loaded stays anyway
    gc.set_threshold(*COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def score_in_threads(
    chunks: Iterator[Chunk], *, classifiers: Sequence[Classifier], job: Job, wait_seconds: float = 1.0
) -> Iterator[tuple[int, Part] | None]:
    """The part of each chunk as soon as it is there, in any order; None when nothing came for ``wait_seconds``.

    ``classifiers`` says how many are under way at once; one that may be shared can be there several times. No more
    chunks are read ahead than one for each and one more. Left early, it waits for no thread.
    Raises: what reading or scoring raises.
    """
    free: SimpleQueue[Classifier] = SimpleQueue()
    for classifier in classifiers:
        free.put(classifier)

    def work(number: int, rows: list[Row | BadRow]) -> tuple[int, Part]:
        classifier = free.get()
        try:
            return number, score_chunk(classifier, rows, job=job)
        finally:
            free.put(classifier)

    executor = ThreadPoolExecutor(len(classifiers), thread_name_prefix="score")
    pending: set[Future[tuple[int, Part]]] = set()
    try:
        more = True
        while more or pending:
            while more and len(pending) <= len(classifiers):
                chunk = next(chunks, None)
                if chunk is None:
                    more = False
                else:
                    pending.add(executor.submit(work, *chunk))
            done, pending = wait(pending, timeout=wait_seconds, return_when=FIRST_COMPLETED)
            if pending and not done:
                yield None
            for future in sorted(done, key=lambda one: one.exception() is not None):  # keep what can be kept
                yield future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
