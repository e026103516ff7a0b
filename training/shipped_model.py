"""A model directory as a value: read on one machine, checked and opened on another."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from models import artifact as artifacts
from models.classifier import StanceClassifier
from models.errors import ArtifactCorrupt
from models.prediction import Classifier


@dataclass(frozen=True)
class About:
    """What a classifier's answers depend on: the model, its files and its engine."""

    model_id: str
    digest: str
    engine: str


@dataclass(frozen=True)
class ShippedModel:
    """The files of a verified artifact, and how to open them."""

    files: dict[str, npt.NDArray[np.uint8]]  # arrays, which are sent and shared without being copied
    digest: str
    inference: str
    threads: int

    @classmethod
    def of(cls, path: Path, *, inference: str, threads: int) -> Self:
        """The artifact at ``path``. Raises: ArtifactError."""
        manifest = artifacts.load(path).manifest
        names = [*manifest.files, artifacts.MANIFEST]
        files = {name: np.fromfile(path / name, dtype=np.uint8) for name in names}
        return cls(files, manifest.digest, inference, threads)

    def __call__(self) -> tuple[Classifier, About]:
        """The classifier, verified and warm. Raises: ParleyError, OSError."""
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            for name, content in self.files.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                content.tofile(Path(folder) / name)
            classifier = StanceClassifier.open(Path(folder), engine=self.inference, threads=self.threads)
            classifier.warm_up()
        manifest, info = classifier.artifact.manifest, classifier.engine.info
        if manifest.digest != self.digest:
            raise ArtifactCorrupt(f"{manifest.model_id}: not the model that was sent")
        return classifier, About(manifest.model_id, manifest.digest, f"{info.name}, {info.precision}")
