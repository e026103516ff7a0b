"""Fixtures that every room's tests share: the released artifact, and the classifier over it."""

from pathlib import Path

import pytest

from models.classifier import StanceClassifier

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def released(root: Path) -> Path:
    """The directory of the released artifact. Fails where it is absent: a release without its model is no release."""
    path = root / "models" / "stance-minilm"
    if not path.is_dir():
        pytest.fail(f"{path}: the released artifact is not there", pytrace=False)
    return path


@pytest.fixture(scope="session")
def classifier(released: Path) -> StanceClassifier:
    """The released artifact on the default engine. One thread, so that tests are quick beside busy neighbours too."""
    return StanceClassifier.open(released, threads=1)
