"""A base encoder, a corpus, a run and an artifact small enough to be made in seconds, each made once for all tests."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from models.labels import STANCES, Stance
from training.examples import Example, Origin, read_examples, sha256_of_text, write_examples
from training.splits import Split, split_of

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
KEYWORDS = dict(zip(STANCES, ("welcome", "refuse", "unless", "weather"), strict=True))
DIGITS = [mark + digit for digit in "0123456789" for mark in ("", "##")]
FLAGS = (
    "--epochs",
    "10",
    "--batch-size",
    "8",
    "--learning-rate",
    "0.005",
    "--head-learning-rate",
    "0.01",
    "--max-tokens",
    "16",
)
"""Of a run that learns the keywords in a second."""

Invent = Callable[..., list[Example]]


def make_tokenizer() -> Tokenizer:
    """A WordPiece tokeniser of a few words, which pads and truncates as MiniLM's own."""
    words = dict.fromkeys([*SPECIAL, *KEYWORDS.values(), "island", "we", "they", "the", *DIGITS])
    tokenizer = Tokenizer(WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.enable_padding(length=128)
    tokenizer.enable_truncation(128)
    return tokenizer


def invent_examples(n: int, *, split: Split = Split.TRAIN, origin: Origin = Origin.RECORD) -> list[Example]:
    """Invented statements of every stance in turn, whose keyword tells it, four to a group, in groups of that split."""
    found: list[Example] = []
    number = 0
    while len(found) < n:
        group, number = f"{origin} {number}", number + 1
        for label in STANCES:
            text = f"{'We' if origin is Origin.RECORD else 'They'} {KEYWORDS[label]} the island {number}"
            place = {"repository": "invented/parliament", "path": group, "locator": f"line {label}"}
            common = {"id": f"{group} {label}", "label": label, "origin": origin, "group": group, "votes": {}}
            record = {**place, "sha256": sha256_of_text(text)} if origin is Origin.RECORD else {}
            example = Example(text=text, **common, **record)
            if split_of(example) is split:
                found.append(example)
    return found[:n]


@pytest.fixture(scope="session")
def invent() -> Invent:
    """The function that invents statements."""
    return invent_examples


@pytest.fixture(scope="session")
def keywords() -> dict[Stance, str]:
    """The word that tells the stance of an invented statement."""
    return KEYWORDS


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two random layers with the small tokeniser, in Hugging Face layout."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tokenizer = make_tokenizer()
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=32, initializer_range=0.1, **size
    )
    transformers.BertModel(config).save_pretrained(folder)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hydrated corpus folder of invented statements. Every fifth one to calibrate on has a label of chance."""
    folder = tmp_path_factory.mktemp("data")
    calibration = [
        example if index % 5 else replace(example, label=Stance.NONE)
        for index, example in enumerate(invent_examples(60, split=Split.CALIBRATION))
    ]
    record = [*invent_examples(64), *invent_examples(8, split=Split.VALIDATION), *calibration]
    held_out = invent_examples(8, split=Split.CONTRAST, origin=Origin.WRITTEN)
    write_examples(folder / "hydrated" / "record.jsonl", record)
    write_examples(folder / "written.jsonl", [*invent_examples(8, origin=Origin.WRITTEN), *held_out])
    write_examples(folder / "dev.jsonl", [])
    return folder


@pytest.fixture(scope="session")
def flags(tiny_base: Path, tiny_data: Path) -> list[str]:
    """The flags of a fine-tuning run on the small base and corpus; without --output."""
    return ["--base", str(tiny_base), "--data", str(tiny_data), *FLAGS]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, flags: list[str]) -> Path:
    """The folder of a finished fine-tuning run; not to be changed."""
    from training import finetune

    output = tmp_path_factory.mktemp("runs") / "seed-0"
    assert finetune.main(["--output", str(output), *flags]) == 0
    return output


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, finished_run: Path, tiny_data: Path) -> Path:
    """The artifact of that run; not to be changed."""
    from training import export

    output = tmp_path_factory.mktemp("artifacts") / "tiny"
    flags = ["--checkpoint", str(finished_run), "--output", str(output), "--version", "0.1.0", "--data", str(tiny_data)]
    assert export.main(flags) == 0
    return output


REVIEWED = ("id", "text", "stance", "model", "drawn", "correction", "note", "reviewer")
"""The columns of a reviewed sheet that count."""


@pytest.fixture
def data(tmp_path: Path, invent: Invent) -> Path:
    """A small hydrated corpus folder with statements of every split."""
    folder = tmp_path / "data"
    record = [e for split in (Split.TRAIN, Split.VALIDATION, Split.CALIBRATION) for e in invent(8, split=split)]
    written = [e for split in (Split.TRAIN, Split.CONTRAST) for e in invent(8, split=split, origin=Origin.WRITTEN)]
    dev = [replace(invent(1)[0], id="dev", text="It will not be signed before the last prisoner is home again.")]
    dev = [replace(example, sha256=sha256_of_text(example.text or "")) for example in dev]
    for name, examples in (("record.jsonl", record), ("dev.jsonl", dev)):
        write_examples(folder / "hydrated" / name, examples)
        write_examples(folder / name, [replace(example, text=None) for example in examples])
    write_examples(folder / "written.jsonl", written)
    return folder


class Desk:
    """training.curate, its inputs and its outputs."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        self.output = folder / "reviewed.jsonl"

    def sheet(self, *rows: Sequence[str], name: str = "review.csv", header: Sequence[str] = REVIEWED) -> Path:
        """A reviewed file in CSV."""
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    def run(self, *arguments: object, status: int = 0) -> list[Example]:
        """Curate and give the examples."""
        from training import curate

        flags = [str(argument) for argument in arguments]
        assert curate.main([*flags, "--output", str(self.output), "--data", str(self.data), "--force"]) == status
        return list(read_examples(self.output))

    def lines(self, suffix: str) -> list[dict[str, Any]]:
        """The lines of a file beside the output."""
        path = self.output.with_name(self.output.name + suffix)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def desk(tmp_path: Path, data: Path) -> Desk:
    """A desk in a folder of its own."""
    return Desk(tmp_path, data)
