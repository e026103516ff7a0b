"""Interrupted runs: the same command goes on, checks what is there, and the output is as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kills import open_free
from training.output_lock import OutputLock
from training.rows import Busy
from training.run_folder import manifest_path, run_path
from training.score import main
from training.scoring_run import Model

N_ROWS = 40


class Interrupted:
    """The free classifier, but Ctrl-C comes when it sees a marker."""

    def predict(self, texts: list[str]) -> list[object]:
        """Predictions, or the interrupt."""
        if any(int(text.split()[-1]) >= 25 for text in texts):  # the chunk behind it may have begun too
            raise KeyboardInterrupt
        return list(open_free(None).classifiers[0].predict(texts))  # type: ignore[arg-type] # it reads no options

    def warm_up(self) -> None:
        """Nothing to warm."""


def interrupted(flags: object) -> Model:
    """The model of a run that Ctrl-C ends in its sixth chunk."""
    return Model([Interrupted()], "free@1", "digest", "free")


def command(folder: Path, *options: str) -> list[str]:
    """The command that all runs here share."""
    return [str(folder / "in.csv"), "--output", str(folder / "out.csv"), "--chunk-rows", "5", *options]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder in which a run was interrupted after five chunks."""
    (tmp_path / "in.csv").write_text("id,text\n" + "".join(f"{n},statement {n}\n" for n in range(N_ROWS)))
    assert main(command(tmp_path), open_model=interrupted) == 130
    assert len(list(run_path(tmp_path / "out.csv").glob("part-*"))) == 5
    return tmp_path


@pytest.fixture
def whole(broken: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of an unbroken run on the same input."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "in.csv").write_bytes((broken / "in.csv").read_bytes())
    assert main(command(folder), open_model=open_free) == 0
    return (folder / "out.csv").read_bytes()


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_killed_at_every_step(root: Path, format: str) -> None:
    """SIGKILL before any durable step, renames and the joining included: the same command gives the same bytes (B1)."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "--format", format],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=600,
    )
    counts = json.loads(done.stdout)
    assert counts["instants"] > 30
    assert counts["same"] == counts["instants"]


def test_going_on(broken: Path, whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command does only what is missing, says so, gives the same bytes, and clears up."""
    parts = {path: path.stat().st_mtime_ns for path in run_path(broken / "out.csv").glob("part-*")}
    assert main(command(broken), open_model=open_free) == 0
    assert "going on after 5 finished chunks" in capsys.readouterr().err
    assert len(parts) == 5
    assert (broken / "out.csv").read_bytes() == whole
    assert sorted(os.listdir(broken)) == ["in.csv", "out.csv", "out.csv.manifest.json"]


def test_finished_chunks_are_not_scored_again(broken: Path, whole: bytes) -> None:
    """What is finished is not sent to the model again."""
    seen: list[str] = []

    class Watching:
        def predict(self, texts: list[str]) -> list[object]:
            seen.extend(texts)
            return list(open_free(None).classifiers[0].predict(texts))  # type: ignore[arg-type] # it reads no options

        def warm_up(self) -> None:
            pass

    assert main(command(broken), open_model=lambda _: Model([Watching()], "free@1", "digest", "free")) == 0
    assert seen == [f"statement {n}" for n in range(25, N_ROWS)]
    assert (broken / "out.csv").read_bytes() == whole


@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_damaged_parts_are_done_again(
    broken: Path, whole: bytes, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    """A finished chunk whose file is not what the journal says is done again, and nothing else."""
    part = run_path(broken / "out.csv") / "part-00000003.csv"
    content = part.read_bytes()
    part.unlink() if damage == "gone" else part.write_bytes(content[:9] if damage == "cut" else content[::-1])
    assert main(command(broken), open_model=open_free) == 0
    assert "1 damaged ones are done again" in capsys.readouterr().err
    assert (broken / "out.csv").read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("input", "input (in.csv)"),
        ("option", "options (columns)"),
        ("chunks", "options (chunk_rows)"),
        ("model", "model"),
    ],
)
def test_changes_are_refused(broken: Path, capsys: pytest.CaptureFixture[str], change: str, said: str) -> None:
    """A changed input, option or model is refused by name and nothing is lost; --force starts anew (B9)."""
    options = {"option": ["--columns", "stance"], "chunks": ["--chunk-rows", "7"]}.get(change, [])
    if change == "input":
        (broken / "in.csv").write_text("text,id\n" + "more,1\n" * N_ROWS)

    def opened(_: object) -> Model:
        return Model(open_free(None).classifiers, "free@1", "other" if change == "model" else "digest", "free")  # type: ignore[arg-type] # it reads no options

    assert main([*command(broken), *options], open_model=opened) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "--force" in printed
    assert len(list(run_path(broken / "out.csv").glob("part-*"))) == 5
    assert main([*command(broken), *options, "--force"], open_model=opened) == 0
    manifest = json.loads(manifest_path(broken / "out.csv").read_text())
    assert (manifest["rows_in"], manifest["rows_scored"]) == (N_ROWS, N_ROWS)


def test_force_goes_on_too(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--force on a run that can be gone on with throws no work away."""
    assert main(command(broken, "--force"), open_model=open_free) == 0
    assert "going on after 5 finished chunks" in capsys.readouterr().err


def test_a_finished_run_again(broken: Path, whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command after the end does nothing and says the same account; a changed output is not overwritten."""
    assert main(command(broken), open_model=open_free) == 0
    first = capsys.readouterr().out
    assert main(command(broken), open_model=interrupted) == 0
    again = capsys.readouterr()
    assert again.out == first
    assert "nothing to do" in again.err
    (broken / "out.csv").write_bytes(whole + b"mine\n")
    assert main(command(broken), open_model=open_free) == 2
    assert "exists already; --force replaces it" in capsys.readouterr().err
    assert (broken / "out.csv").read_bytes() == whole + b"mine\n"


def test_manifest(broken: Path) -> None:
    """The manifest has the account in all and by chunk, with checksums: rows in = rows scored + rows refused (B2)."""
    (broken / "new.csv").write_text("text,n\n" + "yes,1\n,2\nno,3\n" * 4)
    assert (
        main(
            [str(broken / "new.csv"), "--output", str(broken / "new.jsonl"), "--chunk-rows", "5"], open_model=open_free
        )
        == 3
    )
    manifest = json.loads(manifest_path(broken / "new.jsonl").read_text())
    assert (manifest["rows_in"], manifest["rows_scored"], manifest["rows_refused"]) == (12, 8, 4)
    assert [chunk["rows_in"] for chunk in manifest["chunks"]] == [5, 5, 2]
    assert sum(chunk["rows_refused"] for chunk in manifest["chunks"]) == 4
    assert manifest["identity"]["model"] == "free@1"


def test_two_runs_on_one_output(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While one run holds the output, a second is refused and told by whom; it touches nothing (B8)."""
    before = sorted(path.name for path in run_path(broken / "out.csv").iterdir())
    code = (
        "import sys, time; from pathlib import Path; from training.output_lock import OutputLock\n"
        "lock = OutputLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(600)"
    )
    folder = run_path(broken / "out.csv")
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, cwd=Path.cwd())
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert main(command(broken, "--force"), open_model=open_free) == 2
        assert f"process {holder.pid} on " in capsys.readouterr().err
        assert sorted(path.name for path in folder.iterdir() if path.name not in ("lock", "owner.json")) == [
            name for name in before if name not in ("lock", "owner.json")
        ]
    finally:
        holder.kill()
        holder.wait(60)
    assert (folder / "owner.json").exists()
    assert main(command(broken), open_model=open_free) == 0  # the lock of the dead process is nobody's


def test_a_run_on_another_machine(tmp_path: Path) -> None:
    """A note of another machine holds while it is renewed, and not for ever; --force overrules it."""
    folder = tmp_path / "out.csv.run"
    folder.mkdir()
    (folder / "owner.json").write_text('{"pid": 7, "host": "another.example"}')
    with pytest.raises(Busy, match=r"process 7 on another\.example"):
        OutputLock(folder).acquire()
    forced = OutputLock(folder)
    forced.acquire(force=True)
    forced.release()
    folder.mkdir()
    (folder / "owner.json").write_text('{"pid": 7, "host": "another.example"}')
    os.utime(folder / "owner.json", (1, 1))
    lock = OutputLock(folder)
    lock.acquire()
    lock.release()
    assert not folder.exists()


def test_an_input_that_changes_meanwhile(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An input that is changed while it is read gives no output."""

    class Changing:
        def predict(self, texts: list[str]) -> list[object]:
            with (broken / "in.csv").open("a") as file:
                file.write("1,more\n")
            return list(open_free(None).classifiers[0].predict(texts))  # type: ignore[arg-type] # it reads no options

        def warm_up(self) -> None:
            pass

    changing = Model([Changing()], "free@1", "digest", "free")
    assert main(command(broken), open_model=lambda _: changing) == 2
    assert "changed while being read" in capsys.readouterr().err
    assert not (broken / "out.csv").exists()


def test_disk_full(
    broken: Path, whole: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one clear error; what is finished is kept, and with space again the run goes on (B5)."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("training.parts.write_whole", full)
        assert main(command(broken), open_model=open_free) == 2
    printed = capsys.readouterr().err
    assert "No space left on device" in printed
    assert "25 finished rows are kept" in printed
    assert main(command(broken), open_model=open_free) == 0
    assert (broken / "out.csv").read_bytes() == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_at_once(broken: Path, whole: bytes, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end a run, though a forward pass never ends, and the run can go on (B7)."""
    code = (
        "import sys, time; from training.score import end, main; from training.scoring_run import Model\n"
        "class Hanging:\n"
        "    def warm_up(self): pass\n"
        "    def predict(self, texts): print('predicting', flush=True); time.sleep(600)\n"
        "end(main(sys.argv[1:], open_model=lambda flags: Model([Hanging()], 'free@1', 'digest', 'free')))"
    )
    arguments = [sys.executable, "-c", code, *command(broken)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "predicting\n"
            process.send_signal(number)
            _, said = process.communicate(timeout=60)  # the promise is ten seconds, of a machine that is not busy
        finally:
            process.kill()
    assert process.returncode == 128 + number
    assert "interrupted; 25 finished rows are kept" in said
    assert main(command(broken), open_model=open_free) == 0
    assert (broken / "out.csv").read_bytes() == whole
