"""The real process over the released artifact, from its start to its end.

To run it over another artifact, set STANCE_MODEL by hand.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from models.artifact import MANIFEST, Manifest
from models.classifier import NEIGHBOUR_EPSILON

ROOT = Path(__file__).resolve().parents[1]


def environment(**settings: str) -> dict[str, str]:
    """The environment of a process with these settings; it takes any free port."""
    return {**os.environ, "STANCE_PORT": "0", "STANCE_THREADS": "1", **settings}


class Process:
    """``python -m service``, started and listening."""

    def __init__(self, **settings: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=ROOT,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.popen.stdout
        self.banner = ""
        for line in self.popen.stdout:
            self.banner += line
            if "-d '" in line:
                break
        found = re.search(r"http://([\d.]+):(\d+)", self.banner)
        assert found, "the service did not start"
        self.address = (found[1], int(found[2]))
        self.http = httpx.Client(base_url=f"http://{found[1]}:{found[2]}", timeout=120)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.http.close()
        self.popen.terminate()
        return self.popen.wait(120)


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest) -> Path:
    """The artifact under test. Fails where the released one is absent."""
    given = os.environ.get("STANCE_MODEL")
    return Path(given) if given else request.getfixturevalue("released")


@pytest.fixture(scope="module")
def service(model: Path) -> Iterator[Process]:
    """A service that all tests of this file share."""
    process = Process(STANCE_MODEL=str(model), STANCE_DRAIN_SECONDS="300")
    yield process
    if process.popen.poll() is None:
        process.stop()


def test_the_example_of_the_readme_is_conditional(service: Process) -> None:
    """README's curl example, sent as it stands there, is answered conditional."""
    command = re.search(
        r"^curl -s localhost:8000(\S+) -H '([\w-]+): ([^']+)' \\\n\s+-d '(.*)'$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert command
    path, header, value, body = command.groups()
    answer = service.http.post(path, content=body.encode(), headers={header: value}).json()
    assert answer["stance"] == "conditional"
    assert answer["language"] is None
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_the_banner_shows_a_command_that_works(service: Process) -> None:
    """The example printed at the start is a request that is answered."""
    body = re.search(r"-d '(.*)'", service.banner)
    assert body
    assert service.http.post("/classify", json=json.loads(body[1])).status_code == 200


def test_it_is_ready_and_says_what_it_is(service: Process, model: Path) -> None:
    """It is ready; /info names the very artifact on disk, by digest, and the engine."""
    manifest = Manifest.from_json((model / MANIFEST).read_text(encoding="utf-8"))
    assert service.http.get("/health/ready").json() == {"status": "ready"}
    info = service.http.get("/info").json()
    assert (info["digest"], info["model"]) == (manifest.digest, manifest.model_id)
    assert (info["engine"], info["precision"], info["threads"]) == ("openvino", "int8", 1)


def test_a_batch_of_mixed_items(service: Process) -> None:
    """Good, bad, foreign and long items in one batch each get what is theirs."""
    items: list[Any] = [
        {"id": "good", "text": "We accept the mediator's draft as it stands."},
        {"id": "empty", "text": "..."},
        {"id": "foreign", "text": "Wir werden erst verhandeln, wenn die Sanktionen aufgehoben sind."},
        {"id": "long", "text": "The delegations will meet again. " * 300},
        17,
        {"id": "emoji", "text": "Deal! \U0001f91d"},
    ]
    response = service.http.post("/classify/batch", json={"items": items})
    assert response.status_code == 200
    answers = response.json()["items"]
    assert [answer["id"] for answer in answers] == ["good", "empty", "foreign", "long", "4", "emoji"]
    assert [answer["status"] for answer in answers] == ["ok", "error", "ok", "ok", "error", "ok"]
    assert answers[2]["prediction"]["language"]["code"] == "de"
    assert answers[3]["prediction"]["truncated"] is True


def test_an_answer_does_not_depend_on_its_neighbours(service: Process) -> None:
    """The same text alone, among short and among long ones, has the same probabilities within NEIGHBOUR_EPSILON."""
    text = "They may come back to the table whenever they wish."
    alone = service.http.post("/classify", json={"text": text}).json()["probabilities"]
    for neighbour in ("No.", "The delegations will meet again in the spring, it was said. " * 30):
        items = [{"text": text}, *[{"text": f"{number} {neighbour}"} for number in range(31)]]
        answers = service.http.post("/classify/batch", json={"items": items}).json()["items"]
        assert answers[0]["prediction"]["probabilities"] == pytest.approx(alone, abs=NEIGHBOUR_EPSILON)


def test_answers_are_repeatable(service: Process) -> None:
    """The same text gets the same probabilities within NEIGHBOUR_EPSILON, under load of others too."""
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(service.http.post, "/classify", json={"text": f"We will talk {number % 2}."})
            for number in range(60)
        ]
    answers = [call.result().json()["probabilities"] for call in calls]
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert first == pytest.approx(answers[0], abs=NEIGHBOUR_EPSILON)
        assert second == pytest.approx(answers[1], abs=NEIGHBOUR_EPSILON)


def test_sigterm_loses_no_request(model: Path) -> None:
    """Twenty requests in flight at SIGTERM are all answered with 200, a later one is refused, the exit status is 0."""
    process = Process(STANCE_MODEL=str(model), STANCE_DRAIN_SECONDS="120", STANCE_DEADLINE_SECONDS="120")
    items = [{"text": f"{number}: the delegations will meet again. " + "They said so. " * 20} for number in range(16)]
    body = json.dumps({"items": items}).encode()
    head = b"POST /classify/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connections = [socket.create_connection(process.address, timeout=120) for _ in range(20)]
    for connection in connections:
        connection.sendall(head % len(body) + body)
    while not re.search(r"parley_queued_tokens [1-9]", process.http.get("/metrics").text):
        assert process.popen.poll() is None
    process.popen.send_signal(signal.SIGTERM)
    answers = [read_to_end(connection) for connection in connections]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 20
    assert all(json.loads(answer.partition(b"\r\n\r\n")[2])["n_ok"] == 16 for answer in answers)
    with pytest.raises(httpx.TransportError):
        process.http.get("/health/ready")
    assert process.popen.wait(120) == 0


def read_to_end(connection: socket.socket) -> bytes:
    """What a connection brings until the server closes it."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("damaged", ["openvino/model.bin", "tokenizer.json", "decision.json"])
def test_a_damaged_artifact_is_not_served(model: Path, tmp_path: Path, damaged: str) -> None:
    """One flipped bit in a file of the artifact ends the start, with one line naming the file."""
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    content = bytearray((copy / damaged).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / damaged).write_bytes(content)
    process = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(STANCE_MODEL=str(copy)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"parley: the model cannot be served: {damaged}")
    assert process.stdout == ""


def test_ctrl_c_ends_it(service: Process) -> None:
    """An interrupt ends an idle service with exit status 0 well within its drain. Last: all share it."""
    service.http.close()
    service.popen.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert service.popen.wait(120) == 0
    assert time.monotonic() - started < 60
