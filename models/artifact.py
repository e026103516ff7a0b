"""The model directory on disk: a manifest with the sha256 of every file, written last, and a load that never guesses.

config.json, model.safetensors, tokenizer.json, ...   Hugging Face layout, for transformers.pipeline
condition_head.safetensors                            the second head, one linear layer, for condition spans
attribution_head.safetensors                          the third, likewise, for the words that name who speaks (format 3)
openvino/model.xml, openvino/model.bin                int8 graph with the outputs of all heads, for CPU serving
decision.json                                         temperature and conformal floors
README.md                                             model card
manifest.json                                         this module's record of all of the above
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from models.decision import Decision
from models.errors import ArtifactCorrupt, ArtifactIncompatible, ArtifactMissing
from models.labels import CODEBOOK_VERSION, STANCES

FORMAT_VERSION: Final = 3  # 1 had no condition head, 2 no attribution head
READABLE_FORMATS: Final = (2, 3)
MANIFEST: Final = "manifest.json"
DECISION: Final = "decision.json"
TOKENIZER: Final = "tokenizer.json"
CONDITION_HEAD: Final = "condition_head.safetensors"
ATTRIBUTION_HEAD: Final = "attribution_head.safetensors"
CARD: Final = "README.md"
OPENVINO_GRAPH: Final = "openvino/model.xml"
OPENVINO_WEIGHTS: Final = "openvino/model.bin"
SAFE_SUFFIXES: Final = frozenset({".json", ".safetensors", ".xml", ".bin", ".txt", ".md"})
"""Formats that cannot run code when they are loaded; a manifest that names any other is refused."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an artifact is and where it comes from. ``files`` maps each path to its sha256 in hex."""

    name: str
    version: str
    created: str  # ISO 8601 date
    max_tokens: int
    base: Mapping[str, str]  # id, revision, sha256 of the base encoder's weights
    data: Mapping[str, Any]  # digest of the training examples, and their counts
    training: Mapping[str, Any]  # the configuration that made it
    scores: Mapping[str, Any]  # measured by training.evaluate
    files: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = tuple(map(str, STANCES))
    codebook: str = CODEBOOK_VERSION
    format_version: int = FORMAT_VERSION

    @property
    def model_id(self) -> str:
        """The name and version under which answers are given, as ``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """One sha256 over the hashes of all files: equal exactly when the artifacts are."""
        lines = "".join(f"{self.files[path]}  {path}\n" for path in sorted(self.files))
        return hashlib.sha256(lines.encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The manifest read back. Raises: ArtifactCorrupt, ArtifactIncompatible."""
        try:
            fields = json.loads(text)
            if fields["format_version"] not in READABLE_FORMATS:
                raise ArtifactIncompatible(
                    f"manifest: format {fields['format_version']}, this code reads {READABLE_FORMATS}"
                )
            manifest = cls(**{**fields, "labels": tuple(fields["labels"])})
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactCorrupt(f"manifest: not readable: {error}") from error
        if manifest.labels != tuple(map(str, STANCES)):
            raise ArtifactIncompatible(
                f"manifest: labels {manifest.labels}, this code speaks {tuple(map(str, STANCES))}"
            )
        if manifest.codebook != CODEBOOK_VERSION:
            raise ArtifactIncompatible(f"manifest: codebook {manifest.codebook}, this code speaks {CODEBOOK_VERSION}")
        manifest._check_types()
        return manifest

    def _check_types(self) -> None:
        """Raise ArtifactCorrupt where a field that loading stands on is of another type than a manifest has."""
        if not isinstance(self.name, str) or not isinstance(self.version, str):
            raise ArtifactCorrupt("manifest: name and version must be texts")
        if type(self.max_tokens) is not int or self.max_tokens < 3:  # two markers and one token
            raise ArtifactCorrupt("manifest: max_tokens must be a whole number of at least 3")
        if not isinstance(self.files, dict) or not all(isinstance(sha256, str) for sha256 in self.files.values()):
            raise ArtifactCorrupt("manifest: files must map paths to sha256 in hex")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified model directory. Only ``load`` makes one, so whoever holds one holds files that match the manifest."""

    path: Path
    manifest: Manifest
    decision: Decision

    def file(self, relative: str) -> Path:
        """The path of a verified file. Raises: ArtifactMissing when the manifest does not name it."""
        if relative not in self.manifest.files:
            raise ArtifactMissing(f"{relative}: not part of this artifact")
        return self.path / relative


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path: Path) -> Manifest:
    """What the manifest at ``path`` says, no file of it checked yet.

    Raises: ArtifactMissing, ArtifactCorrupt, ArtifactIncompatible.
    """
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ArtifactMissing(f"{path}: no {MANIFEST}; not a model directory, or one that was not finished") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactCorrupt(f"{path / MANIFEST}: not readable: {error}") from error
    return Manifest.from_json(text)


def load(path: Path) -> Artifact:
    """The artifact at ``path``, every file checked against its hash.

    Raises: ArtifactMissing, ArtifactCorrupt, ArtifactIncompatible; the message names the file.
    """
    manifest = read_manifest(path)
    for needed in (DECISION, TOKENIZER):
        if needed not in manifest.files:
            raise ArtifactMissing(f"{path}: the manifest names no {needed}")
    for relative, expected in manifest.files.items():
        _verify(path, relative, expected)
    decision = Decision.from_json((path / DECISION).read_text(encoding="utf-8", errors="replace"))
    return Artifact(path, manifest, decision)


def _verify(root: Path, relative: str, expected: str) -> None:
    file = root / relative
    if "\0" in relative or not file.resolve().is_relative_to(root.resolve()):
        raise ArtifactCorrupt(f"{relative!r}: lies outside the model directory")
    if file.suffix not in SAFE_SUFFIXES:
        raise ArtifactCorrupt(
            f"{relative}: {file.suffix or 'this kind of file'} is not among the formats that are safe to load"
        )
    try:
        actual = sha256_of(file)
    except FileNotFoundError as error:
        raise ArtifactMissing(f"{relative}: named by the manifest, but not there") from error
    except OSError as error:
        raise ArtifactCorrupt(f"{relative}: not readable: {error}") from error
    if actual != expected:
        raise ArtifactCorrupt(f"{relative}: sha256 is {actual[:12]}..., the manifest says {expected[:12]}...")


def hash_files(path: Path) -> dict[str, str]:
    """The sha256 of every file in ``path`` that a manifest names: all but the manifest and hidden files."""
    return {
        file.relative_to(path).as_posix(): sha256_of(file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != MANIFEST and not file.name.startswith(".")
    }


def seal(path: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of everything in ``path``, as the last file and in one step; return it with its hashes.

    A directory without a manifest is never loaded, so an export that dies half-way leaves nothing that looks finished.
    """
    sealed = Manifest(**{**asdict(manifest), "files": hash_files(path)})
    partial = path / f".{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8") as output:
        output.write(json.dumps(asdict(sealed), indent=2, ensure_ascii=False) + "\n")
        output.flush()
        os.fsync(output.fileno())
    partial.replace(path / MANIFEST)
    return sealed
