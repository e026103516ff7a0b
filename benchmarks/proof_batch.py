"""The slow proofs of batch scoring, with the released model; one line of JSON for each, all of them in a file.

    python -m benchmarks.proof_batch --output runs/proof-batch.json
    python -m benchmarks.proof_batch --only kills --kills 50

kills        B1: SIGKILL at random instants of real runs, then the same command again: the same bytes
steps        B1: SIGKILL before every durable step, in every format, with one more kill on the way (benchmarks.kills)
signals      B7: SIGINT and SIGTERM in the middle of a chunk: ends within 10 s, resumable
disk_full    B5: a small tmpfs (needs root; says so where it cannot be mounted)
memory       B6: an input more than ten times the memory that the process may use
http         B10: the same texts over HTTP and in a batch
"""

import argparse
import base64
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.kills import kill_everywhere
from models.classifier import NEIGHBOUR_EPSILON
from training.corpus import WRITTEN
from training.examples import DATA, read_examples
from training.input import FORMATS

SCORE: Final = (sys.executable, "-m", "training.score")
MEMORY_BYTES: Final = 192 * 2**20
"""What the process of ``memory`` may use beyond its imports; its input is MEMORY_TIMES as large."""
MEMORY_TIMES: Final = 10.5
MEMORY_WAYS: Final = tuple((format, limited) for format in FORMATS for limited in (True, False))
"""The runs of ``memory``: the format of each, and whether the system refuses more than MEMORY_BYTES of allocations."""


def main() -> int:
    """The program; 1 where a proof fails."""
    proofs: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
        "kills": kills,
        "steps": steps,
        "signals": signals,
        "disk_full": disk_full,
        "memory": memory,
        "http": http,
    }
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(proofs), default=list(proofs))
    parser.add_argument("--kills", type=int, default=50, help="random instants (default: 50)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--output", type=Path)
    flags = parser.parse_args()
    results = {}
    for name in flags.only:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = proofs[name](flags, Path(folder))
        print(json.dumps({name: results[name]}), flush=True)
    if flags.output:
        flags.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if all(result.get("passed", True) for result in results.values()) else 1


def statements(path: Path, *, n: int) -> None:
    """Write a CSV file of n statements written for this project, every 50th row without a text."""
    texts = [example.text for example in read_examples(DATA / WRITTEN)]
    rows = [f"{i},{'' if i % 50 == 49 else json.dumps(texts[i % len(texts)].replace(chr(34), ''))}" for i in range(n)]
    path.write_text("id,text\n" + "\n".join(rows) + "\n", encoding="utf-8")


def command(folder: Path, *options: str, format: str = "csv", threads: int = 0) -> list[str]:
    """A run in that folder, in small chunks."""
    output = str(folder / f"out.{format}")
    small = ["--chunk-rows", "50", "--threads", str(threads)]
    return [*SCORE, str(folder / "in.csv"), "--output", output, *small, *options]


def run(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """A run to its end."""
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


def outputs(folder: Path) -> dict[str, bytes]:
    """What a run left, but its input."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.name != "in.csv"}


def kills(flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Random instants, in the three formats in turn; each work is killed five times before it may end."""
    chance = random.Random(flags.seed)
    counts = {"kills": 0, "works": 0, "same": 0, "rows_lost": 0, "rows_doubled": 0}
    formats = ("csv", "jsonl", "parquet")
    n_rows = 500
    while counts["kills"] < flags.kills:
        format = formats[(counts["works"] + flags.seed) % 3]  # so that short proofs of other seeds begin elsewhere
        whole, broken = folder / format, folder / f"broken-{counts['works']}"
        if not whole.exists():
            whole.mkdir()
            statements(whole / "in.csv", n=n_rows)
            started = time.monotonic()
            run(command(whole, format=format, threads=flags.threads))
            seconds = time.monotonic() - started
        broken.mkdir()
        shutil.copy(whole / "in.csv", broken)
        for _ in range(5):
            process = subprocess.Popen(
                command(broken, format=format, threads=flags.threads),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(chance.uniform(0.4 * seconds, 0.95 * seconds))
            process.kill()
            counts["kills"] += process.wait() == -signal.SIGKILL
        done = run(command(broken, format=format, threads=flags.threads))
        counts["works"] += 1
        counts["same"] += outputs(broken) == outputs(whole)
        n_in = int(re.search(r"(\d+) rows in", done.stdout)[1])  # type: ignore[index] # fails loudly if it is not there
        counts["rows_lost"] += max(n_rows - n_in, 0)
        counts["rows_doubled"] += max(n_in - n_rows, 0)
        print(json.dumps({"kills so far": counts}), file=sys.stderr, flush=True)
    return {**counts, "passed": counts["same"] == counts["works"]}


def steps(_: argparse.Namespace, __: Path) -> dict[str, Any]:
    """Every durable step, in every format, and one more kill at a random step of the second run."""
    counts = {format: kill_everywhere(format, second_kills=1) for format in ("csv", "jsonl", "parquet")}
    return {**counts, "passed": all(one["same"] == one["instants"] for one in counts.values())}


def signals(flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both signals while a chunk of the default size is under way."""
    statements(folder / "in.csv", n=4_000)
    result: dict[str, Any] = {"passed": True}
    for number, name in ((signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")):
        arguments = [*command(folder, threads=flags.threads), "--chunk-rows", "2048", "--force"]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = ""
        while "rows" not in said:  # the bar: the first chunk has begun, however slow the start was
            said += process.stderr.read(1) or sys.exit(f"the run ended before it began: {said}")
        time.sleep(1)
        started = time.monotonic()
        process.send_signal(number)
        said += process.communicate(timeout=60)[1]
        seconds = time.monotonic() - started
        result[name] = {"seconds": round(seconds, 2), "status": process.returncode}
        result["passed"] &= seconds < 10 and process.returncode == 128 + number and "interrupted" in said
    done = run([*command(folder, threads=flags.threads), "--chunk-rows", "2048"])
    result["passed"] &= "4000 rows in" in done.stdout
    return result


def disk_full(flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A run that needs more room than there is, then the same command with room."""
    small = folder / "small"
    small.mkdir()
    mounted = run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)])
    if mounted.returncode:
        return {"skipped": f"no tmpfs can be mounted: {mounted.stderr.strip()}"}
    try:
        statements(folder / "in.csv", n=2_000)
        arguments = [*command(folder, threads=flags.threads), "--output", str(small / "out.csv")]
        full = run(arguments)
        run(["mount", "-o", "remount,size=8m", str(small)])
        again = run(arguments)
        n_rows = (small / "out.csv").read_text(encoding="utf-8").count("\n") - 1
    finally:
        run(["umount", str(small)])
    said = full.stderr.strip().splitlines()[-2:]
    passed = full.returncode == 2 and "No space left" in full.stderr and again.returncode == 3 and n_rows == 1_960
    return {"said": said, "then": again.stdout.strip().split(" -> ")[0], "passed": passed}


MEMORY_CODE: Final = """
import resource, sys
from training.score import main
def used(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024
may, limited = int(sys.argv[1]), sys.argv[2] == "True"
def open_model(flags):
    from benchmarks.kills import open_free
    global before
    before = used("VmRSS")
    if limited:
        resource.setrlimit(resource.RLIMIT_DATA, (used("VmData") + may,) * 2)
    return open_free(flags)
status = main(sys.argv[3:], open_model=open_model)
most = used("VmHWM")
print(f"{most >> 20} MiB resident at most, {most - before >> 20} beyond the imports")
sys.exit(status or most - before > may)
"""
"""The program as installed, measured from where its model would be opened."""


def memory(_: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A model that costs nothing, an input far beyond the limit; only what is used beyond the imports counts."""
    n_rows = int(MEMORY_BYTES * MEMORY_TIMES / 20_000)
    chance = random.Random(0)
    with (folder / "in.csv").open("w", encoding="utf-8") as file:
        file.write("id,text,note\n")
        for number in range(n_rows):
            note = base64.b64encode(chance.randbytes(15_000)).decode()  # what hardly compresses takes the most room
            file.write(f"{number},We will return to the talks only once statement {number} is taken back.,{note}\n")
    size = (folder / "in.csv").stat().st_size
    results: dict[str, Any] = {"limit_mib": MEMORY_BYTES >> 20, "input_mib": size >> 20, "passed": True}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ARROW_", "MALLOC_"))}
    for format, limited in MEMORY_WAYS:
        output = folder / f"out.{format}"
        code = [sys.executable, "-c", MEMORY_CODE, str(MEMORY_BYTES), str(limited)]
        arguments = [str(folder / "in.csv"), "--output", str(output), "--columns", "stance"]
        done = run([*code, *arguments], timeout=400, env=environment)
        said = done.stdout if done.returncode == 0 else done.stderr + done.stdout
        way = f"{format}, {'allocations limited' if limited else 'resident memory'}"
        results[way] = [line.partition(" -> ")[0] for line in said.strip().splitlines()[-3:]]
        print(json.dumps({way: results[way]}), file=sys.stderr, flush=True)
        results["passed"] &= done.returncode == 0 and f"{n_rows} rows in, {n_rows} scored" in done.stdout
        for left in (output, output.with_name(f"{output.name}.manifest.json")):
            left.unlink(missing_ok=True)
        shutil.rmtree(output.with_name(f"{output.name}.run"), ignore_errors=True)
    return results


def http(flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The same 500 texts both ways: stances equal, and probabilities within what the service documents."""
    statements(folder / "in.csv", n=500)
    run(command(folder, "--columns", "stance,probabilities", format="jsonl", threads=flags.threads))
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    with served() as address:
        answers = []
        for start in range(0, len(rows), 100):
            items = [{"text": row["text"]} for row in rows[start : start + 100]]
            body = json.dumps({"items": items}).encode()
            request = urllib.request.Request(f"{address}/classify/batch", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                answers += [item["prediction"] for item in json.load(answer)["items"]]
    pairs = list(zip(rows, answers, strict=True))
    n_same = sum(row["stance"] == answer["stance"] for row, answer in pairs)
    apart = max(abs(row[f"probability_{s}"] - p) for row, answer in pairs for s, p in answer["probabilities"].items())
    return {"texts": len(rows), "same_stance": n_same, "apart": apart, "passed": apart <= NEIGHBOUR_EPSILON}


@contextmanager
def served() -> Iterator[str]:
    """The address of a service, while the block runs."""
    environment = {**os.environ, "STANCE_PORT": "0", "STANCE_LOG_LEVEL": "warning"}
    service = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout is not None
        found = re.search(r"Parley answers at (\S+)", service.stdout.readline())
        if not found:
            sys.exit("the service did not start")
        yield found[1]
    finally:
        service.terminate()
        service.wait(30)


if __name__ == "__main__":
    raise SystemExit(main())
