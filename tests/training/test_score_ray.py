"""Scoring on a Ray cluster of two raylets: the same bytes as on one machine, whatever is killed on the way."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.kills import open_free
from training.rows import Row, RunError
from training.run_folder import run_path
from training.score import main
from training.scoring import Job
from training.scoring_run import Model, make_plan

ray = pytest.importorskip("ray", reason="scoring on a cluster has an environment of its own: make test-ray")

from benchmarks.proof_ray import OpenFree, outputs, two_raylets, workers_of  # noqa: E402 - they import ray
from training import score_ray  # noqa: E402 - it imports ray

N_ROWS = 300


def on_ray(**options: Any) -> Callable[[Namespace], Model]:
    """What opens the free model on a cluster."""
    return lambda flags: score_ray.open_on_ray(flags, open_worker=OpenFree(**options))


def write_input(folder: Path, *, n: int = N_ROWS) -> Path:
    """A CSV file in a new folder, every 13th row without a text."""
    folder.mkdir()
    lines = (f"{number},{'' if number % 13 == 5 else f'statement {number}'}\n" for number in range(n))
    (folder / "in.csv").write_text("id,text\n" + "".join(lines))
    return folder / "in.csv"


def command(source: Path, *options: str, name: str = "out.csv") -> list[str]:
    """The command that all runs here share."""
    return [str(source), "--output", str(source.parent / name), "--chunk-rows", "10", *options]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two raylets; the second may be gone after a test, and is replaced by it."""
    with two_raylets() as (found, _):
        yield found


@pytest.fixture(scope="module")
def address(cluster: Any) -> list[str]:
    """The options that lead to the cluster."""
    return ["--engine", "ray", "--address", str(cluster.address)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run on this machine alone leaves, its input included."""
    source = write_input(tmp_path_factory.mktemp("whole") / "run")
    assert main(command(source), open_model=open_free) == 3
    return outputs(source.parent)


def test_a_cluster_gives_the_same_bytes(tmp_path: Path, address: list[str], whole: dict[str, bytes]) -> None:
    """Output, refused rows and manifest are those of a run on one machine, byte for byte, and nothing else is left."""
    source = write_input(tmp_path / "run")
    assert main(command(source, *address), open_model=on_ray()) == 3
    assert outputs(source.parent) == whole
    assert not run_path(source.parent / "out.csv").exists()


def test_parquet_gives_the_same_bytes(tmp_path: Path, address: list[str]) -> None:
    """Rows that keep their Arrow form on the way give the same Parquet file, dictionaries and null included."""
    table = pa.table(
        {
            "text": [None if n % 9 == 4 else f"statement {n}" for n in range(60)],
            "kind": pa.array([f"kind {n % 4}" for n in range(60)]).dictionary_encode(),
            "when": pa.array(range(60), pa.timestamp("ns")),
        }
    )
    for name, options, opened in (("here", [], open_free), ("there", address, on_ray())):
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "in.parquet", row_group_size=16)
        arguments = command(tmp_path / name / "in.parquet", *options, name="out.parquet")
        assert main(arguments, open_model=opened) == 3
    assert outputs(tmp_path / "there") == outputs(tmp_path / "here")


def test_killed_workers_and_a_lost_node_change_nothing(
    tmp_path: Path, cluster: Any, address: list[str], whole: dict[str, bytes]
) -> None:
    """Workers killed at random and a raylet killed half-way: the run ends by itself, with the same bytes."""
    second = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    source = write_input(tmp_path / "run")
    n_killed, ended = 0, threading.Event()

    def kill() -> None:
        nonlocal n_killed
        chance = random.Random(1)
        while not ended.wait(0.5) and n_killed < 6:
            pids = [pid for node in cluster.list_all_nodes() for pid in workers_of(node)]
            if pids:
                os.kill(chance.choice(pids), signal.SIGKILL)
                n_killed += 1
            if n_killed == 3 and second in cluster.list_all_nodes():
                cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        assert main(command(source, *address), open_model=on_ray(seconds=0.2)) == 3
    finally:
        ended.set()
        killer.join(20)
        is_gone = second not in cluster.list_all_nodes()
        if is_gone:
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, node_ip_address=score_ray.LOOPBACK)
    assert n_killed >= 3
    assert is_gone
    assert len(cluster.list_all_nodes()) == 2
    assert outputs(source.parent) == whole


def test_a_run_goes_on_from_one_engine_to_the_other(
    tmp_path: Path, address: list[str], whole: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """What was finished here is not done again on Ray, nor the other way round; the bytes are the same."""
    for name, first, then in (("begun-here", [], address), ("begun-on-ray", address, [])):
        source = write_input(tmp_path / name)
        opened = {True: on_ray(), False: open_free}
        assert main(command(source, *first, "--max-errors", "8"), open_model=opened[bool(first)]) == 2
        kept = len(list(run_path(source.parent / "out.csv").glob("part-*.csv")))
        assert kept >= 9
        capsys.readouterr()
        assert main(command(source, *then), open_model=opened[bool(then)]) == 3
        assert f"going on after {kept} finished chunks" in capsys.readouterr().err
        assert outputs(source.parent) == whole


def test_no_more_is_read_than_workers_have_places_for(tmp_path: Path, address: list[str]) -> None:
    """An input without end is read no further than the backlog of the workers, however slow they are."""
    source = write_input(tmp_path / "run")
    flags = Namespace(address=address[-1], workers=2, threads=0, inference="openvino")
    n_read = 0

    def endless() -> Iterator[tuple[int, list[Any]]]:
        nonlocal n_read
        for n_read in count(1):
            yield n_read, [Row(n_read, {"id": "1", "text": "a"})]

    model = score_ray.open_on_ray(flags, open_worker=OpenFree(seconds=0.1))
    try:
        n_done = 0
        for done in model.score(endless(), job=_job(source)):
            n_done += done is not None
            assert n_read <= n_done + 2 * score_ray.BACKLOG
            if n_done == 10:
                break
    finally:
        model.close()


def test_a_chunk_that_kills_every_worker_is_named(
    tmp_path: Path, address: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that ends whatever scores it ends the run after some attempts, by its number; the others are kept."""
    monkeypatch.setattr(score_ray, "MAX_LOST", 2)
    source = write_input(tmp_path / "run", n=60)
    assert main(command(source, *address), open_model=on_ray(deadly="statement 41")) == 2
    printed = capsys.readouterr().err
    assert "chunk 5 was given up" in printed
    assert "finished rows are kept" in printed


def test_what_a_worker_raises_reaches_the_user(tmp_path: Path, address: list[str]) -> None:
    """An error of the run that happens on a worker is the same error here, not Ray's."""
    source = write_input(tmp_path / "run")
    flags = Namespace(address=address[-1], workers=1, threads=0, inference="openvino")
    model = score_ray.open_on_ray(flags, open_worker=OpenFree())
    try:
        with pytest.raises(RunError, match="row 7 has a new column"):
            list(model.score(iter([(1, [Row(7, {"new": "a", "text": "a"})])]), job=_job(source)))
    finally:
        model.close()


def test_ctrl_c_ends_a_cluster_of_ones_own(tmp_path: Path, root: Path, whole: dict[str, bytes]) -> None:
    """Without an address a cluster is started for the run; Ctrl-C ends both within 10 s, and the run can go on."""
    source = write_input(tmp_path / "run")
    code = (
        "import sys; from training.score import end, main; from training.score_ray import open_on_ray\n"
        "from benchmarks.proof_ray import OpenFree\n"
        "end(main(sys.argv[1:], open_model=lambda flags: open_on_ray(flags, open_worker=OpenFree(seconds=0.5))))"
    )
    arguments = [sys.executable, "-c", code, *command(source), "--engine", "ray", "--threads", "1"]
    with subprocess.Popen(arguments, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            journal = run_path(source.parent / "out.csv") / "journal.jsonl"
            deadline = time.monotonic() + 60
            while not (journal.exists() and journal.read_bytes().count(b"\n") > 3) and time.monotonic() < deadline:
                time.sleep(0.1)
            pids = _children(process.pid)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGINT
    assert b"finished rows are kept" in said
    assert pids
    assert not [pid for pid in pids if _is_alive(pid)]
    assert main(command(source), open_model=open_free) == 3
    assert outputs(source.parent) == whole


def test_without_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options that lead to no cluster are status 2 and one line that says so."""
    source = write_input(tmp_path / "run")
    assert main(command(source, "--address", "127.0.0.1:1"), open_model=on_ray()) == 2
    assert "--address and --workers are for --engine ray" in capsys.readouterr().err
    assert main(command(source, "--engine", "ray", "--address", "nonsense"), open_model=on_ray()) == 2
    assert "no Ray cluster at nonsense" in capsys.readouterr().err
    assert sorted(outputs(source.parent)) == ["in.csv"]


def _job(source: Path) -> Job:
    from training.score_options import parser_of

    return make_plan(parser_of("").parse_args(command(source))).job


def _children(pid: int) -> list[int]:
    """The processes below this one."""
    below = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                below += [int(process.name), *_children(int(process.name))]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return below


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
