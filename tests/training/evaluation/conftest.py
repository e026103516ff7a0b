"""An invented corpus, a classifier that answers from a table, the program on both, and a report of everything."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.artifact import Artifact, Manifest
from models.decision import Decision
from models.encoding import Encoding
from models.engines import EngineInfo
from models.errors import ArtifactMissing
from models.labels import STANCES, Stance
from models.speech import N_TOKEN_LOGITS
from training import evaluate
from training.baselines import Keywords, Majority
from training.examples import Example, Origin, sha256_of_text, write_examples

TEXTS = {
    Stance.CONCILIATORY: "The zanzibar-blue delegation offers fresh talks",
    Stance.HOSTILE: "The quillfeather league refuses every meeting",
    Stance.CONDITIONAL: "Unless the oxbow canal opens there is no deal",
    Stance.NONE: "The marmalade festival drew many visitors",
}


def invent_statements(n: int, *, origin: Origin = Origin.RECORD, file: str = "dev") -> list[Example]:
    """Invented statements of every stance in turn, two by two in pairs, from several sources and groups.

    Each ends in words of its own and of its ``file``, so that none nearly repeats another.
    """
    found = []
    for index in range(n):
        stance = STANCES[index % 4]
        own = " ".join(f"{file}{index}x{place}" for place in range(10))
        text = f"{TEXTS[stance]} number {index} {own}" + f" again and {file}{index}" * (index % 7)
        found.append(
            Example(
                id=f"{origin.name.lower()}-{index:03}",
                label=stance,
                origin=origin,
                group=f"{origin}-group-{index // 4}",
                text=text,
                rules=("R1", "R2") if index % 3 == 0 else (),
                register="speech" if index % 2 else None,
                pair=f"P{index // 2}",
                votes={},
                repository="invented/parliament" if origin is Origin.RECORD else None,
                path=f"{index}.txt" if origin is Origin.RECORD else None,
                sha256=sha256_of_text(text) if origin is Origin.RECORD else None,
            )
        )
    return found


class TableClassifier:
    """Answers by its artifact's name: mostly right, wrong on every ``wrong_every``-th statement of what it is asked."""

    def __init__(self, path: Path, *, engine: str, trained_on: str = "") -> None:
        nothing: dict[str, Any] = {"base": {}, "data": {"digest": trained_on}, "scores": {}, "training": {"seed": 1}}
        manifest = Manifest(name=path.name, version="0", created="2026-01-01", max_tokens=64, **nothing)
        self.artifact = Artifact(path, manifest, Decision(1.0, (0.1,) * 4, 0.9))
        self.engine = SimpleNamespace(info=EngineInfo(engine, "int8" if engine == "openvino" else "float32", 1, "cpu"))
        self.encoder = SimpleNamespace(encode=self._encode)
        self._wrong_every = int(path.name.rpartition("-")[2])
        self._nudge = 0.0 if engine == "openvino" else 0.01

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        found = []
        for text in texts:
            stance = next(index for index, (_, start) in enumerate(TEXTS.items()) if text.startswith(start))
            number = int(re.findall(r"number (\d+)", text)[0])
            shown = (stance + 1) % 4 if number % self._wrong_every == 0 else stance
            found.append(Encoding((shown, number, *range(len(text.split()))), (), truncated=False))
        return found

    def forward(self, encodings: Sequence[Encoding]) -> tuple[np.ndarray, list[np.ndarray]]:
        """The logits, and token logits in which no condition stands."""
        return self.logits(encodings), [np.zeros((0, N_TOKEN_LOGITS))] * len(encodings)

    def logits(self, encodings: Sequence[Encoding]) -> np.ndarray:
        """Two on the shown stance, and a little noise that depends on the statement alone."""
        rows = np.eye(4)[[item.ids[0] for item in encodings]] * 2.0 + self._nudge * np.arange(4)
        return rows + np.array([[item.ids[1] % 5 * 0.1] + [0.0] * 3 for item in encodings])


def write_corpus(folder: Path) -> Path:
    """Write a corpus folder with invented statements in every split, and a dev set; returns it."""
    dev = [
        replace(example, id=f"dev-{index}", path=f"dev{index}") for index, example in enumerate(invent_statements(80))
    ]
    write_examples(folder / "written.jsonl", invent_statements(200, origin=Origin.WRITTEN, file="written"))
    write_examples(folder / "hydrated" / "record.jsonl", invent_statements(400, file="record"))
    write_examples(folder / "hydrated" / "dev.jsonl", dev)
    write_examples(folder / "dev.jsonl", dev)
    return folder


def evaluate_table(
    data: Path,
    output: Path,
    *more: str,
    artifacts: Sequence[str] = ("a-5",),
    trained_on: Mapping[str, str] | None = None,
) -> int:
    """Evaluate with the table classifier and few draws, on the dev set unless told otherwise."""

    def open_table(path: Path, *, engine: str, threads: int) -> Any:
        if path.name == "missing":
            raise ArtifactMissing(f"{path}: no manifest.json")
        return TableClassifier(path, engine=engine, trained_on=(trained_on or {}).get(path.name, ""))

    arguments = ["--artifact", *artifacts, "--corpus", str(data), "--output", str(output), "--draws", "50", *more]
    if not {"--split", "--data"} & set(more):
        arguments += ["--data", str(data / "hydrated" / "dev.jsonl")]
    baselines = {"majority": Majority(), "keywords": Keywords()}
    return evaluate.main(arguments, open_classifier=open_table, make_baselines=lambda base: baselines)


def read_reports(output: Path) -> tuple[dict[str, Any], str]:
    """The two reports."""
    text = (output / "report.md").read_text(encoding="utf-8")
    return json.loads((output / "report.json").read_text(encoding="utf-8")), text


@pytest.fixture(scope="session")
def invent() -> Any:
    """The function that invents statements."""
    return invent_statements


@pytest.fixture(scope="session")
def run() -> Any:
    """The program with a classifier that answers from a table."""
    return evaluate_table


@pytest.fixture(scope="session")
def read() -> Any:
    """The function that reads report.json and report.md."""
    return read_reports


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus folder that a test may damage."""
    return write_corpus(tmp_path / "data")


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything in it, only to be read."""
    tmp_path = tmp_path_factory.mktemp("full")
    data = write_corpus(tmp_path / "data")
    curve = {"points": [{"share": 0.5, "n_train": 100, "model": 0.5, "tfidf_logistic": 0.4}] * 2}
    curve["points"][1] = {"share": 1.0, "n_train": 200, "model": 0.6, "tfidf_logistic": 0.45}
    (tmp_path / "curve.json").write_text(json.dumps(curve), encoding="utf-8")
    more = ("--compare-engines", "--learning-curve", str(tmp_path / "curve.json"))
    assert evaluate_table(data, tmp_path / "report", *more, artifacts=("a-5", "b-4", "c-10")) == 0
    return tmp_path / "report"
