"""What a scoring run takes from the system beside what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

AS_INSTALLED = """
import sys
from training.score import main

def used(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024

def open_model(flags):
    import ctypes
    import pyarrow as pa
    from benchmarks.kills import open_free
    before = used("VmRSS")
    ctypes.memset(ctypes.create_string_buffer(3 << 20), 1, 3 << 20)  # freed at once; from it on glibc keeps such blocks
    pairs = [(ctypes.create_string_buffer(5 << 19), ctypes.create_string_buffer(1 << 16)) for _ in range(16)]
    for pair in pairs:
        for block in pair:
            ctypes.memset(block, 1, len(block))
    small = [pair[1] for pair in pairs]  # stay between the large ones
    del pair, block, pairs
    print("kept", used("VmRSS") - before)
    print("pool", pa.default_memory_pool().backend_name)
    return open_free(flags)

status = main(sys.argv[1:], open_model=open_model)
print("taken", used("VmData"))
sys.exit(status)
"""


def measure(root: Path, folder: Path, **chosen: str) -> dict[str, str]:
    """What a run into Parquet says of its allocators, in an environment with these variables of them alone."""
    pq.write_table(pa.table({"text": [f"statement {n}" for n in range(500)]}), folder / "in.parquet")
    others = {k: v for k, v in os.environ.items() if not k.startswith(("ARROW_", "MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", AS_INSTALLED, str(folder / "in.parquet"), "--output", str(folder / "o.parquet")]
    done = subprocess.run(command, cwd=root, env={**others, **chosen}, capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines() if line.count(" ") == 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process takes")
def test_memory_goes_back_as_installed(root: Path, tmp_path: Path) -> None:
    """Without a variable set, no allocator reserves memory ahead or keeps much of what was freed (B6)."""
    found = measure(root, tmp_path)
    assert found["pool"] == "system"
    assert int(found["taken"]) < 2**30  # Arrow's own allocator reserves as much at once
    assert int(found["kept"]) < 8 * 2**20  # of 40 MiB freed


def test_the_environment_chooses_the_allocator(root: Path, tmp_path: Path) -> None:
    """An allocator that the user chose is the one that is used."""
    assert measure(root, tmp_path, ARROW_DEFAULT_MEMORY_POOL="mimalloc")["pool"] == "mimalloc"
