"""Measure whole articles on the running service: how long, in how much memory, and who waits for them.

    python -m benchmarks.articles

The articles are those written for this project, put together to the length that is asked. A minute on an idle machine.
"""

import json
import statistics
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from benchmarks.proving import Service, running
from service.settings import RELEASED_MODEL

WRITTEN: Final = Path("training/data/articles.jsonl")
ARTICLE_WORDS: Final = 1_000
TRANSCRIPT_WORDS: Final = 30_000
"""Sixty pages of five hundred words."""
N_ARTICLES: Final = 9
N_AT_ONCE: Final = 8
NDJSON: Final = {"accept": "application/x-ndjson"}


def text_of(n_words: int) -> str:
    """Written articles one after another, up to about that many words."""
    pieces: list[str] = []
    n = 0
    with WRITTEN.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    while n < n_words:
        for text in texts:
            pieces.append(text)
            n += len(text.split())
            if n >= n_words:
                break
    return "\n\n".join(pieces)


def ask(service: Service, path: str, body: dict[str, Any], **headers: str) -> tuple[float, bytes]:
    """The seconds that a request takes, and its answer."""
    content = json.dumps(body).encode()
    request = urllib.request.Request(
        f"{service.address}{path}", content, {"content-type": "application/json", **headers}
    )
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as response:
        answer = response.read()
    return time.perf_counter() - started, answer


def beside(service: Service, text: str) -> tuple[float, list[float]]:
    """The seconds of a streamed article, and those of the single statements that were sent meanwhile, one by one."""
    took: list[float] = []
    thread = threading.Thread(target=lambda: took.append(ask(service, "/analyze", {"text": text}, **NDJSON)[0]))
    thread.start()
    single: list[float] = []
    while thread.is_alive():
        single.append(ask(service, "/classify", {"text": "We will talk once the sanctions are lifted."})[0])
        time.sleep(0.02)
    return took[0], single


def main() -> None:
    """Measure and print."""
    with running(RELEASED_MODEL) as service:
        article, transcript = text_of(ARTICLE_WORDS), text_of(TRANSCRIPT_WORDS)
        times = [ask(service, "/analyze", {"text": article})[0] for _ in range(N_ARTICLES)]
        n = len(json.loads(ask(service, "/analyze", {"text": article})[1])["statements"])
        print(f"{len(article.split()):,} words, {n} statements: first {times[0]:.3f} s, ", end="")
        print(f"median of {len(times) - 1} more {statistics.median(times[1:]):.3f} s, longest {max(times[1:]):.3f} s")
        took, single = beside(service, transcript)
        print(
            f"{len(transcript.split()):,} words, streamed: {took:.1f} s; {len(single)} single statements meanwhile: ",
            end="",
        )
        print(f"median {statistics.median(single) * 1000:.0f} ms, longest {max(single) * 1000:.0f} ms")
        print(f"memory: {service.resident_mib():.0f} MiB, {service.peak_mib():.0f} at most; ", end="")
        threads = [threading.Thread(target=beside_nobody, args=(service, transcript)) for _ in range(N_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"after {N_AT_ONCE} such texts at once {service.peak_mib():.0f} at most")


def beside_nobody(service: Service, text: str) -> None:
    """Have one article streamed; being refused is an answer too."""
    try:
        ask(service, "/analyze", {"text": text}, **NDJSON)
    except OSError as error:
        print(f"(refused: {error})", end=" ")


if __name__ == "__main__":
    main()
