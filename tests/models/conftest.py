"""Fixtures of the ground floor: a tokeniser and an artifact small enough to be written anew for each test."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from models import artifact as artifacts
from models.artifact import Manifest
from models.decision import Decision

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["we", "will", "talk", "not", "never", "the", "union", "only", "if", "they", "stop", ".", ",", "'", '"', "-"]
LETTERS = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for mark in ("", "##")]

MANIFEST = Manifest(
    name="tiny",
    version="0.1.0",
    created="2026-01-01",
    max_tokens=16,
    base={"id": "tiny", "revision": "none", "sha256": "0" * 64},
    data={"digest": "0" * 64, "n_calibration": 0},
    training={},
    scores={},
)
DECISION = Decision(temperature=1.5, floors=(0.2, 0.25, 0.3, 0.35), coverage=0.9)


def make_tokenizer() -> Tokenizer:
    """A WordPiece tokeniser that spells unknown words by letters, and comes with padding and truncation, as MiniLM."""
    words = dict.fromkeys([*SPECIAL, *WORDS, *LETTERS])
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


@pytest.fixture
def tokenizer() -> Tokenizer:
    """A small tokeniser of one's own."""
    return make_tokenizer()


@pytest.fixture
def make_artifact(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a small artifact without a graph; its arguments replace fields of the manifest."""

    def make(directory: str = "tiny", **fields: object) -> Path:
        path = tmp_path / directory
        (path / "openvino").mkdir(parents=True)
        make_tokenizer().save(str(path / artifacts.TOKENIZER))
        (path / artifacts.DECISION).write_text(DECISION.to_json(), encoding="utf-8")
        (path / "README.md").write_text("A model card.\n", encoding="utf-8")
        (path / "config.json").write_text("{}\n", encoding="utf-8")
        (path / "model.safetensors").write_bytes(bytes(range(256)))
        (path / artifacts.OPENVINO_GRAPH).write_text("<net/>\n", encoding="utf-8")
        (path / "openvino" / "model.bin").write_bytes(bytes(64))
        artifacts.seal(path, replace(MANIFEST, **fields))  # type: ignore[arg-type]  # the caller names real fields
        return path

    return make


@pytest.fixture
def tiny(make_artifact: Callable[..., Path]) -> Path:
    """A small, valid artifact; without a graph that could run."""
    return make_artifact()
