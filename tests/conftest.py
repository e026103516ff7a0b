"""Fixtures that every room's tests share: the released artifact, and the classifier over it."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from models.classifier import StanceClassifier

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Properties have no time limit for an example: a busy machine would break one that holds."""
    if find_spec("hypothesis"):  # not in the environment of make test-ray
        from hypothesis import HealthCheck, settings

        settings.register_profile("busy machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("busy machines")


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
