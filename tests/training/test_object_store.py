"""Inputs, outputs and the work under way in an object store that speaks S3, a server of which runs here."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.kills import open_free
from training import places
from training.places import RemotePath, locate
from training.score import main

server = pytest.importorskip("moto.server", reason="object stores have an environment of their own: make test-ray")

TEXT = "id,text\n" + "".join(f"{n},{'' if n % 7 == 3 else f'statement {n}'}\n" for n in range(40))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[RemotePath]:
    """An empty bucket on a server of its own, found as AWS's programs would find it."""
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST"), timeout=10)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    places._connect.cache_clear()
    maker = locate("s3://bucket?allow_bucket_creation=true")
    assert isinstance(maker, RemotePath)
    maker.filesystem.create_dir("bucket")
    try:
        found = locate("s3://bucket")
        assert isinstance(found, RemotePath)
        yield found
    finally:
        places._connect.cache_clear()
        running.stop()


def objects(bucket: RemotePath) -> dict[str, bytes]:
    """Everything in the bucket; names that end in a slash, which some clients leave behind, hold nothing."""
    return {str(item.relative_to(bucket)): item.read_bytes() for item in sorted(bucket.rglob("*")) if item.is_file()}


def here(folder: Path, name: str, *options: str) -> dict[str, bytes]:
    """What a run on files leaves."""
    (folder / "in.csv").write_text(TEXT)
    arguments = [str(folder / "in.csv"), "--output", str(folder / name), "--chunk-rows", "5", *options]
    assert main(arguments, open_model=open_free) == 3
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_the_same_bytes_as_on_files(bucket: RemotePath, tmp_path: Path, name: str) -> None:
    """From the bucket into the bucket, stopped on the way: output, refused rows and manifest as on files."""
    wanted = here(tmp_path, name)
    (bucket / "in.csv").write_bytes(TEXT.encode())
    arguments = [str(bucket / "in.csv"), "--output", str(bucket / name), "--chunk-rows", "5"]
    assert main([*arguments, "--max-errors", "2"], open_model=open_free) == 2
    kept = objects(bucket)
    assert name not in kept
    assert any("/part-00000001." in item for item in kept)
    assert main(arguments, open_model=open_free) == 3
    assert objects(bucket) == wanted


def test_parquet_is_read_by_column(bucket: RemotePath, tmp_path: Path) -> None:
    """A Parquet object is read in place, with the columns that are kept."""
    pq.write_table(pa.table({"text": ["yes", "no"], "id": [1, 2], "rest": ["x" * 1000] * 2}), tmp_path / "in.parquet")
    (bucket / "deep" / "in.parquet").write_bytes((tmp_path / "in.parquet").read_bytes())
    arguments = [str(bucket / "deep" / "in.parquet"), "--output", str(tmp_path / "out.jsonl"), "--keep", "id"]
    assert main(arguments, open_model=open_free) == 0
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [1, 2]


def test_an_output_that_is_there_is_not_replaced(bucket: RemotePath, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force an object that no run of this kind made stays; a missing input is named."""
    (bucket / "in.csv").write_bytes(TEXT.encode())
    (bucket / "out.csv").write_bytes(b"mine")
    assert main([str(bucket / "in.csv"), "--output", str(bucket / "out.csv")], open_model=open_free) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert objects(bucket)["out.csv"] == b"mine"
    assert main([str(bucket / "no.csv"), "--output", str(bucket / "out.csv")], open_model=open_free) == 2
    assert "s3://bucket/no.csv: cannot be read" in capsys.readouterr().err


def test_workers_write_their_parts_themselves(
    bucket: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Ray the workers put their parts into the bucket, the driver sends none, and the bytes are the same."""
    pytest.importorskip("ray")
    from benchmarks.proof_ray import OpenFree
    from training import score_ray
    from training.parts import Parts

    wanted = here(tmp_path, "out.csv")
    (bucket / "in.csv").write_bytes(TEXT.encode())

    def refuse(*_: object) -> None:
        pytest.fail("the driver wrote a part")

    monkeypatch.setattr(Parts, "write", refuse)
    arguments = [str(bucket / "in.csv"), "--output", str(bucket / "out.csv"), "--chunk-rows", "5"]
    opened = lambda flags: score_ray.open_on_ray(flags, open_worker=OpenFree())  # noqa: E731 - one line is enough
    assert main([*arguments, "--engine", "ray", "--workers", "1"], open_model=opened) == 3
    assert objects(bucket) == wanted
