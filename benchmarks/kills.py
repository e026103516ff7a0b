"""Kill a scoring run at every durable step of it, give the same command again, and compare with an unbroken run.

    python -m benchmarks.kills --format csv

A durable step is a rename, a deletion, a forced write, or the middle of a journal line or of the joining of parts. A
run with a model that costs nothing is killed (SIGKILL) before its first step, before its second, and so on until it
ends by itself; after each kill the same command must give the same bytes, and leave nothing else. Prints the counts as
JSON. Quick: the runs are forks of this process.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from models.labels import STANCES, Stance
from models.language import read_detector
from models.prediction import Prediction
from training import durable, journal, writers
from training.score import main as score
from training.scoring_run import Model

TEXT = "id,text\n" + "".join(f'{n},"{"" if n % 7 == 3 else f"statement {n}"}"\n' for n in range(14))
"""14 rows, every seventh without a text: three chunks of five, two with a refused row."""
IN_MEMORY = Path("/dev/shm")
"""Where a forced write takes no time; SIGKILL does not ask what the disk has."""
WAYS = ("fsync", "replace", "unlink", "truncate")


class FreeClassifier:
    """A classifier whose answers depend on the text alone, and which costs nothing."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text."""
        return [self._one(text) for text in texts]

    def warm_up(self) -> None:
        """Nothing to warm."""

    def _one(self, text: str) -> Prediction:
        stance = STANCES[hashlib.sha256(text.encode()).digest()[0] % len(STANCES)]
        probabilities: dict[Stance, float] = {member: 0.7 if member is stance else 0.1 for member in STANCES}
        return Prediction(stance, probabilities, (stance,), False, len(text))


def open_free(_: argparse.Namespace) -> Model:
    """Two free classifiers, as two cores would have."""
    return Model([FreeClassifier(), FreeClassifier()], "free@1", "digest", "free")


class Steps:
    """Counts durable steps and kills the process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self._left = kill_before

    def step(self) -> None:
        """One more step is about to be done."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Count every step of this process from here on."""
        for name in WAYS:
            setattr(os, name, self._before(getattr(os, name)))
        append, copy = durable.append_line, shutil.copyfileobj

        def torn(path: Path, line: bytes) -> None:
            with path.open("ab") as file:
                file.write(line[: len(line) // 2])
                file.flush()
                self.step()
                file.truncate(file.tell() - len(line) // 2)
            append(path, line)

        def half(source: Any, target: Any, length: int = 0) -> None:
            target.write(source.read(10))
            target.flush()
            self.step()
            copy(source, target, length)

        journal.append_line = torn
        writers.shutil.copyfileobj = half  # type: ignore[attr-defined] # the module that writers copies with

    def _before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.step()
            return function(*arguments, **options)

        return counted


def in_child(arguments: Sequence[str], *, kill_before: int = 0) -> int:
    """The exit status of a run in a child process; minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as silence:
            os.dup2(silence.fileno(), 1)
            os.dup2(silence.fileno(), 2)
            if kill_before:
                Steps(kill_before).install()
            os._exit(score(arguments, open_model=open_free))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(folder: Path) -> dict[str, bytes]:
    """What is in a folder, but the input."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: data for name, data in found.items() if name != "in.csv"}


def kill_everywhere(format: str, *, second_kills: int = 0) -> dict[str, int]:
    """How many instants a run was killed at, and after how many of them the same command gave the same.

    ``second_kills``: how often the second run is killed too, at a random step, before a third one ends the work.
    """
    counts = {"instants": 0, "same": 0}
    read_detector()  # once, for all children
    chance = random.Random(0)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        whole, broken = Path(name) / "whole", Path(name) / "broken"
        whole.mkdir()
        (whole / "in.csv").write_text(TEXT)
        with open(os.devnull, "w") as silence, redirect_stdout(silence), redirect_stderr(silence):
            # in this process, so that what is loaded on first use is there for all children
            if score(_command(whole, format), open_model=open_free) != 3:
                sys.exit("the unbroken run failed")
        wanted = content(whole)
        status = -signal.SIGKILL
        while status == -signal.SIGKILL:
            shutil.rmtree(broken, ignore_errors=True)
            broken.mkdir()
            (broken / "in.csv").write_text(TEXT)
            status = in_child(_command(broken, format), kill_before=counts["instants"] + 1)
            for _ in range(second_kills if status == -signal.SIGKILL else 0):
                in_child(_command(broken, format), kill_before=chance.randrange(1, 40))
            last = in_child(_command(broken, format)) if status == -signal.SIGKILL else status
            counts["instants"] += 1
            same = last == 3 and content(broken) == wanted
            counts["same"] += same
            if not same:
                print(f"not the same after step {counts['instants']}: status {last}", file=sys.stderr)
    return counts


def _command(folder: Path, format: str) -> list[str]:
    return [str(folder / "in.csv"), "--output", str(folder / f"out.{format}"), "--chunk-rows", "5"]


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv")
    parser.add_argument("--second-kills", type=int, default=0)
    flags = parser.parse_args()
    counts = kill_everywhere(flags.format, second_kills=flags.second_kills)
    print(json.dumps(counts))
    return 0 if counts["same"] == counts["instants"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
