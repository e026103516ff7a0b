"""How log lines look: for people, or as one JSON object a line for programs. Neither quotes foreign exceptions."""

import json
import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from service.errors import trace
from service.settings import Settings

TEXT_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """One line a record, and below it where an exception was raised, without its message, which could quote a text."""

    def formatException(self, ei: ExcInfo) -> str:
        """Where the exception and its causes were raised."""
        return trace(ei[1]) if ei[1] else ""


class JsonFormatter(TextFormatter):
    """One JSON object a line: time, level, logger, message, and what the record's ``fields`` hold."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        fields = getattr(record, "fields", {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in fields.items() if value is not None},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Send all log records to standard error, in the format of the settings."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter(TEXT_FORMAT))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
