"""The real program exchanges real models under traffic: SIGHUP loses no request, a damaged model changes nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from models import artifact as artifacts

N_CLIENTS = 4
TEXTS = ["We will talk.", "Talks are off until the sanctions are lifted.", "The delegations will meet again. " * 9]


def version_of(released: Path, folder: Path, version: str) -> Path:
    """The released model under another version, its files linked rather than copied, sealed anew."""
    path = folder / version
    shutil.copytree(
        released, path, copy_function=os.link if released.stat().st_dev == folder.stat().st_dev else shutil.copy
    )
    manifest = artifacts.read_manifest(path)
    (path / artifacts.MANIFEST).unlink()  # a link to the released one
    artifacts.seal(path, replace(manifest, version=version))
    return path


class Traffic(threading.Thread):
    """A client that asks without a pause, one statement and batches in turn, until it is told to stop."""

    def __init__(self, address: str, number: int) -> None:
        super().__init__(daemon=True)
        self.address, self.number = address, number
        self.versions: list[str] = []
        self.failures: list[str] = []
        self.stop = threading.Event()
        self.until = time.monotonic() + 300

    def run(self) -> None:
        """Ask, and keep which versions answered in which order."""
        with httpx.Client(base_url=self.address, timeout=60) as http:
            while not self.stop.is_set() and time.monotonic() < self.until:
                try:
                    single = http.post("/classify", json={"text": TEXTS[self.number % 3]})
                    batch = http.post("/classify/batch", json={"items": [{"text": text} for text in TEXTS * 3]})
                    models = {item["prediction"]["model"] for item in batch.raise_for_status().json()["items"]}
                    assert len(models) == 1, models
                    self.versions += [single.raise_for_status().json()["model"], *models]
                except (httpx.HTTPError, AssertionError, KeyError) as error:
                    self.failures.append(repr(error))


def wait_for(clients: list[Traffic], version: str) -> None:
    """Return once the last answer that each client got is of this version, or after two minutes."""
    until = time.monotonic() + 120
    while time.monotonic() < until and any(client.versions[-1:] != [version] for client in clients):
        time.sleep(0.05)


class Service:
    """The program over a link that leads to a model, with its log in a file."""

    def __init__(self, root: Path, folder: Path, model: Path) -> None:
        self.link, self.log = folder / "current", folder / "log"
        self.lead_to(model)
        settings = {"STANCE_MODEL": str(self.link), "STANCE_PORT": "0", "STANCE_THREADS": "1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=root,
                env={**os.environ, **settings, "STANCE_LOG_FORMAT": "json"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, self.log.read_text()
        self.address = found[0]

    def lead_to(self, model: Path) -> None:
        """Make the link lead to another model, in one step."""
        aside = self.link.with_name("next")
        aside.symlink_to(model)
        aside.replace(self.link)

    def exchange(self, model: Path, expected: str) -> str:
        """Order the exchange, and wait for the message about it that begins so."""
        n_before = len(self.messages())
        self.lead_to(model)
        self.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            for message in self.messages()[n_before:]:
                if message.startswith(expected):
                    return message
            time.sleep(0.05)
        raise AssertionError(f"no message begins with {expected!r}: {self.messages()[n_before:]}")

    def messages(self) -> list[str]:
        """What was logged about models."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [line["message"] for line in lines if line["logger"] == "parley.model"]


@pytest.fixture
def first(released: Path, tmp_path: Path) -> Path:
    """The model that is served first."""
    return version_of(released, tmp_path, "7.0.1")


@pytest.fixture
def service(root: Path, first: Path, tmp_path: Path) -> Iterator[Service]:
    """The program over the first model; killed at the end, should it still run."""
    running = Service(root, tmp_path, first)
    yield running
    running.process.kill()
    running.process.communicate()


def test_models_are_exchanged_under_traffic(service: Service, first: Path, released: Path, tmp_path: Path) -> None:
    """While four clients ask without a pause, the model is exchanged forth and back and a damaged one is refused: no
    request fails, no batch mixes versions, and once a version is gone no later answer names it.
    """
    second = version_of(released, tmp_path, "7.0.2")
    damaged = version_of(released, tmp_path, "7.0.3")
    content = bytearray((damaged / "tokenizer.json").read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / "tokenizer.json").unlink()
    (damaged / "tokenizer.json").write_bytes(content)

    clients = [Traffic(service.address, number) for number in range(N_CLIENTS)]
    for client in clients:
        client.start()
    wait_for(clients, "stance-minilm@7.0.1")
    service.exchange(second, "stance-minilm@7.0.2 answers from now on, stance-minilm@7.0.1 no new request")
    wait_for(clients, "stance-minilm@7.0.2")
    refusal = service.exchange(damaged, "the new model is refused, stance-minilm@7.0.2 goes on")
    assert "tokenizer.json: sha256 is" in refusal
    service.exchange(first, "stance-minilm@7.0.1 answers from now on")
    wait_for(clients, "stance-minilm@7.0.1")
    for client in clients:
        client.stop.set()
    for client in clients:
        client.join(120)
        assert client.failures == []
        changes = [v for v, before in zip(client.versions, ["", *client.versions], strict=False) if v != before]
        assert changes == [f"stance-minilm@7.0.{patch}" for patch in (1, 2, 1)]
    service.process.terminate()
    assert service.process.wait(120) == 0
