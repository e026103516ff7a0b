"""Everything that can go wrong on the ground floor, as one tree.

ParleyError
├── TextError               the caller's text cannot be answered; the caller can mend it
│   ├── EmptyText           no letter and no digit in it
│   ├── TextTooLong         more characters than the limit
│   └── UnreadableText      a NUL or an unpaired surrogate: the text was damaged before it arrived
├── ArtifactError           the model directory cannot be used; whoever deploys can mend it
│   ├── ArtifactMissing     no manifest, or a file that the manifest names is absent
│   ├── ArtifactCorrupt     a file differs from its sha256, or is not what its name says
│   └── ArtifactIncompatible  written for other labels, another codebook or another format
└── EngineError             the inference engine; whoever operates can mend it
    ├── EngineUnavailable   the engine's package is not installed, or its settings are refused
    └── EngineFailed        a forward pass raised
"""


class ParleyError(Exception):
    """Base of every error that models raises on purpose."""


class TextError(ParleyError):
    """A text that cannot be answered. Raised before any inference; never quotes the text."""

    code = "invalid_text"


class EmptyText(TextError):
    """Raised when a text has no letter and no digit: there is nothing to take a stance."""

    code = "empty_text"


class TextTooLong(TextError):
    """Raised when a text has more characters than the limit; nothing is cut silently."""

    code = "text_too_long"


class UnreadableText(TextError):
    """Raised for NUL characters and unpaired surrogates: signs of a broken decoding upstream."""

    code = "unreadable_text"


class ArtifactError(ParleyError):
    """A model directory that cannot be used."""


class ArtifactMissing(ArtifactError):
    """Raised when the manifest, or a file that it names, is not there."""


class ArtifactCorrupt(ArtifactError):
    """Raised when a file's bytes differ from the manifest, or cannot be parsed."""


class ArtifactIncompatible(ArtifactError):
    """Raised when the artifact was made for other labels, another codebook or another format version."""


class EngineError(ParleyError):
    """A fault of the inference engine."""


class EngineUnavailable(EngineError):
    """Raised when an engine's package is not installed, or when it refuses its settings."""


class EngineFailed(EngineError):
    """Raised when a forward pass fails; carries no text."""
