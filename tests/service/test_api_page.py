"""docs/api.md against a running service: its calls are run as they stand, its tables compared with what is sent."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from service.auth import KeyRing, fingerprint
from service.errors import TABLE
from service.headers import SAFE
from service.settings import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CURL = [block for language, block in BLOCKS if language == "sh" and "curl" in block]
ADDRESS = re.compile(r"(http://127\.0\.0\.1|localhost):8000")
STANCES = "conciliatory|hostile|conditional|none"


def only(language: str, *, having: str = "") -> str:
    """The one block of this language that has these words."""
    (block,) = [block for name, block in BLOCKS if name == language and having in block]
    return block


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below this heading."""
    table = re.search(rf"\n{heading}\n[\s\S]*?\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE)
    assert table
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


class Caller:
    """Runs calls of the page in a folder of their own, against a server, with a key made as the page says."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        (folder / "statement.txt").write_text("Talks are off.")
        (folder / "article.txt").write_text("Talks are off. Ada Novak said the union would return.")
        (folder / "article.html").write_text("<h1>Talks are off</h1><p>Ada Novak said the union would return.</p>")
        command = only("sh", having="service.keys").replace(".venv-serve/bin/python", sys.executable, 1)
        self.key = self.run("bash", "-ec", command).strip()

    def run(self, *command: str, port: int = 0) -> str:
        """What a command prints; it must end well."""
        done = subprocess.run(
            [ADDRESS.sub(rf"\g<1>:{port}", part) for part in command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.root), "PARLEY_KEY": getattr(self, "key", "")},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def caller(root: Path, tmp_path: Path) -> Caller:
    """A caller in an empty folder."""
    return Caller(root, tmp_path)


def test_the_key_of_the_page_is_one(caller: Caller) -> None:
    """The documented command shows a key, and makes a file that the service reads, in the documented form."""
    found = KeyRing(Settings(keys_file=caller.folder / "keys.txt")).find(caller.key.encode())
    assert found
    assert found.name == "newsroom"
    shape = only_plain().replace("NAME", r"[\w.-]{1,64}").replace("SHA256", "[0-9a-f]{64}").replace("[EXPIRES]", r"\S*")
    assert re.fullmatch(shape.strip(), (caller.folder / "keys.txt").read_text().strip())


def only_plain() -> str:
    """The block that shows the form of a line of keys."""
    (block,) = re.findall(r"^```\n(NAME.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("block", CURL, ids=range(len(CURL)))
def test_the_calls_of_curl_are_answered(caller: Caller, serve: Callable[..., Any], block: str) -> None:
    """Each command is answered with stances, or that a correction is stored, by a server that asks for the page's key
    where the command sends it.
    """
    keys = {"keys_file": caller.folder / "keys.txt"} if "key.header" in block else {}
    with serve(feedback=caller.folder / "feedback.sqlite", **keys) as server:
        output = caller.run("bash", "-ec", block, port=server.port)
    answers = [json.loads(line) for line in re.sub(r"\}\{", "}\n{", output).splitlines()]
    if "x-ndjson" in block:
        assert [answer["type"] for answer in answers][:1] + [answer["type"] for answer in answers][-1:] == [
            "start",
            "end",
        ]
        return
    assert len(answers) == block.count("curl")
    for answer in answers:
        known = ("stance", "stored", "statements", "n_ok")
        assert any(answer.get(name) for name in known), answer


def test_the_calls_of_python_are_answered(caller: Caller, serve: Callable[..., Any]) -> None:
    """The program prints the stance of one statement, and of each item its stance or its error."""
    with serve(keys_file=caller.folder / "keys.txt") as server:
        output = caller.run(sys.executable, "-c", only("python"), port=server.port)
    assert re.fullmatch(rf"({STANCES})\na ({STANCES})\nb ({STANCES})\nc empty_text\n", output)


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")
def test_the_calls_of_r_are_answered(caller: Caller, serve: Callable[..., Any]) -> None:
    """The R program prints the same as the Python one."""
    probe = ["Rscript", "-e", "quit(status = !requireNamespace('httr2', quietly = TRUE))"]
    if subprocess.run(probe, check=False, timeout=60).returncode:
        pytest.skip("R has no httr2")
    with serve(keys_file=caller.folder / "keys.txt") as server:
        output = caller.run("Rscript", "-e", only("r"), port=server.port)
    assert re.fullmatch(rf"({STANCES}) \na ({STANCES}) \nb ({STANCES}) \nc empty_text \n", output)


def test_the_link_of_the_page_is_changed_in_one_step(caller: Caller) -> None:
    """The command for another version leads the link to it and sends SIGHUP to the process."""
    for version in ("1.0.0", "1.0.1"):
        (caller.folder / f"stance-minilm-{version}").mkdir()
    (caller.folder / "current").symlink_to("stance-minilm-1.0.0")
    got = caller.run("bash", "-ec", f"trap 'echo read again' HUP; PID=$$; {only('sh', having='kill -HUP')}")
    assert got == "read again\n"
    assert (caller.folder / "current").readlink() == Path("stance-minilm-1.0.1")


def test_the_table_of_headers_equals_what_is_sent(client: TestClient) -> None:
    """Each header of the table comes with an answer, with the value shown; each safe header is in the table."""
    documented = {name.strip("`"): value.split("; `/docs`")[0] for name, value in rows("## Headers")}
    sent = client.get("/nothing").headers
    for name, value in documented.items():
        assert name in sent
        if value.startswith("`"):
            assert sent[name] == value.strip("`")
    assert {name.decode() for name in SAFE} | {"x-request-id"} == {name.lower() for name in documented}


def test_headers_of_refusals_are_named(make_client: Callable[..., TestClient]) -> None:
    """The page says with which status each other header comes, and it does."""
    sentence = re.search(r"`Retry-After` comes with.*?\.", PAGE, re.DOTALL)
    assert sentence
    found = dict(re.findall(r"`([\w-]+)`(?: comes)? with (\d+)", sentence[0]))
    assert found == {"Retry-After": "429", "Allow": "405", "WWW-Authenticate": "401"}
    locked = make_client(keys=f"desk {fingerprint(b'x')}")
    assert "www-authenticate" in locked.get("/info").headers
    assert "allow" in locked.get("/classify", headers={"Authorization": "Bearer x"}).headers


def test_the_table_of_metrics_equals_what_is_measured(make_client: Callable[..., TestClient]) -> None:
    """The page lists each metric with its labels, and no other."""
    client = make_client(keys=f"desk {fingerprint(b'x')}")
    key = {"Authorization": "Bearer x"}
    client.post("/classify", json={"text": "We will talk."}, headers=key)
    client.post("/classify", json={"text": ""}, headers=key)
    client.app.state.rollover._metrics.reloads.labels("unchanged")  # type: ignore[attr-defined]  # FastAPI's state
    families = list(text_string_to_metric_families(client.get("/metrics", headers=key).text))
    measured = {
        family.name: {name for sample in family.samples for name in sample.labels} - {"le"}
        for family in families
        if not family.name.endswith("_created")
    }
    documented = {
        name.strip("`"): set(filter(None, labels.split(", "))) for name, labels, _ in rows("## Metrics and log")
    }
    assert measured == documented
    assert {kind.code for kind in TABLE} >= {"unauthorized", "rate_limited"}
