"""The service's settings, from STANCE_* variables; the only place where the environment is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.text import MAX_TEXT_CHARS

PREFIX: Final = "STANCE_"
UNCOUNTED_BYTES: Final = 65_536
"""Bytes of each body that are not counted toward max_held_bytes: max_connections bounds them, and so large bodies never
keep a single statement out."""
RELEASED_MODEL: Final = Path(__file__).resolve().parents[1] / "models" / "stance-minilm"

ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def listed(value: str) -> tuple[str, ...]:
    """The parts of a setting that are separated by commas, without what is empty."""
    return tuple(filter(None, map(str.strip, value.split(","))))


class SettingsError(Exception):
    """Raised when a setting is unknown, out of range or contradicts another; the message names it."""


class Settings(BaseModel):
    """Every setting with its default. Each is read from STANCE_ and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path = Field(RELEASED_MODEL, description="model directory")
    engine: Literal["openvino", "torch"] = Field("openvino", description="inference engine")
    threads: int = Field(0, ge=0, le=256, description="compute threads; 0 is one for each core that may be used")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 lets the system choose")
    max_body_bytes: int = Field(4 * 2**20, ge=1_024, le=2**30, description="bytes of a request body")
    max_text_chars: int = Field(MAX_TEXT_CHARS, ge=1, le=1_000_000, description="characters of one text")
    max_batch_items: int = Field(256, ge=1, le=10_000, description="items of one batch request")
    max_article_chars: int = Field(
        400_000, ge=1, le=10_000_000, description="characters of a text to analyze: some hundred pages"
    )
    max_article_statements: int = Field(4_000, ge=1, le=100_000, description="statements of a text to analyze")
    max_queued_tokens: int = Field(
        100_000, ge=1_024, le=10_000_000, description="tokens that may wait for the engine before requests are refused"
    )
    deadline_seconds: float = Field(
        15.0, gt=0, le=600, description="time from a complete request to its answer, or it is given up"
    )
    stream_seconds: float = Field(
        60.0, gt=0, le=3_600, description="the same for an analysis that is streamed, which shows its progress"
    )
    receive_seconds: float = Field(15.0, gt=0, le=600, description="time in which a request body must have arrived")
    max_held_bytes: int = Field(
        32 * 2**20,
        ge=1_024,
        le=2**40,
        description="bytes of bodies held at a time, 65,536 of each not counted",
    )
    max_connections: int = Field(1_000, ge=1, le=100_000, description="connections open at a time")
    hang_seconds: float = Field(
        60.0, gt=0, le=3_600, description="time for which the engine may hang, fail or be dead before the process ends"
    )
    notice_seconds: float = Field(
        1.0, ge=0, le=600, description="time from the order to stop to closing the socket, while /health/ready says 503"
    )
    drain_seconds: float = Field(
        10.0, gt=0, le=600, description="time for accepted requests to finish when told to stop"
    )
    keys_file: Path | None = Field(None, description="file of the keys that may ask; see Keys")
    keys: str = Field("", repr=False, description="the same lines in the environment, separated by commas")
    key_tokens_per_second: float = Field(
        0.0, ge=0, le=10_000_000, description="tokens that each key may send a second in the long run; 0 is no limit"
    )
    key_burst_tokens: int = Field(50_000, ge=1, le=100_000_000, description="tokens that a rested key may send at once")
    insecure: bool = Field(False, description="whether anybody may ask at an address beyond this machine, without keys")
    feedback: Path | None = Field(None, description="file in which corrections are stored; without it there are none")
    feedback_max_bytes: int = Field(
        2**30, ge=2**16, le=2**50, description="bytes to which the file of corrections may grow"
    )
    cors_origins: str = Field("", description="origins whose pages may ask from a browser, separated by commas")
    docs: bool = Field(True, description="whether /docs and /openapi.json are served")
    page: bool = Field(True, description="whether the page for people is served at /")
    tracing: bool = Field(False, description="whether a span of each request is sent where OTEL_* variables say")
    log_format: Literal["text", "json"] = Field("text", description="lines for people, or JSON for programs")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe message logged")

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.max_text_chars > self.max_body_bytes:
            raise ValueError("max_text_chars is larger than max_body_bytes: no such text could arrive")
        if self.max_body_bytes > self.max_held_bytes + UNCOUNTED_BYTES:
            raise ValueError("max_body_bytes is larger than max_held_bytes: no such body could be held")
        return self

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        if any(origin != "*" and not ORIGIN.fullmatch(origin) for origin in listed(value)):
            raise ValueError("must be origins such as https://desk.example, without a path, or *")
        return value

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may ask."""
        return listed(self.cors_origins)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """The settings of an environment, their names in any case.

        Raises: SettingsError for an unknown STANCE_ name, a name in two spellings or a bad value.
        """
        names = {name for name in environment if name.upper().startswith(PREFIX)}
        known = {PREFIX + field.upper() for field in cls.model_fields}
        unknown = sorted(name for name in names if name.upper() not in known)
        if unknown:
            raise SettingsError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        spellings: dict[str, str] = {}
        for name in sorted(names):
            if (other := spellings.setdefault(name.upper(), name)) != name:
                raise SettingsError(f"{other} and {name} are the same setting; keep one of them")
        values = {name.upper().removeprefix(PREFIX).lower(): environment[name] for name in names}
        try:
            return cls(**values)  # type: ignore[arg-type]  # strings, parsed by pydantic
        except ValidationError as error:
            causes = (": ".join([*(f"{PREFIX}{name}".upper() for name in e["loc"]), e["msg"]]) for e in error.errors())
            raise SettingsError("; ".join(causes)) from error
