"""The output of a scoring run: scored rows in one file, refused ones beside it, whole or not at all."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from training.rows import BadRow, OutputError, Source
from training.scoring import Scored
from training.writers import AnswerOf, Writer, as_json, open_writer


def errors_path(output: Path) -> Path:
    """Where the refused rows of an output go."""
    return output.with_name(output.name + ".errors.jsonl")


def check_output(path: Path, *, input: Path, force: bool = False) -> None:
    """Raise when a run must not, or could not, write there; before any work is done. Raises: OutputError."""
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: the directory {path.parent} does not allow writing")
    for target in (path, errors_path(path)):
        if not target.exists():
            continue
        if input.exists() and target.samefile(input):
            raise OutputError(f"{target}: the input itself would be overwritten")
        if not target.is_file():
            raise OutputError(f"{target}: exists and is not a file")
        if not force:
            raise OutputError(f"{target}: exists already; --force replaces it")


class ScoredOutput:
    """Takes results in order: scored rows to the writer, refused rows to the report."""

    def __init__(self, writer: Writer, errors: BinaryIO) -> None:
        self.n_refused = 0
        self._writer = writer
        self._errors = errors

    @property
    def notes(self) -> dict[str, str]:
        """By column: what the format could not hold as it was, and what was done."""
        return self._writer.notes

    def write(self, results: Sequence[Scored | BadRow]) -> None:
        """Append results, in order. Raises: OSError, which scored_output turns into an OutputError."""
        self._writer.write([result for result in results if isinstance(result, Scored)])
        for result in results:
            if isinstance(result, BadRow):
                self._errors.write(error_line(result))
                self.n_refused += 1


@contextmanager
def scored_output(
    path: Path, source: Source, *, format: str, answer_of: AnswerOf, prefix: str = ""
) -> Iterator[ScoredOutput]:
    """An output that is renamed to ``path`` when the block ends well, and leaves nothing when it does not.

    The refused rows are renamed first, so that an output is never there without them; when none was refused there is
    no such file, and an old one is removed. Raises: OutputError.
    """
    partial, errors_partial = _partial(path), _partial(errors_path(path))
    try:
        with partial.open("wb") as file, errors_partial.open("wb") as errors:
            writer = open_writer(file, source, format=format, answer_of=answer_of, prefix=prefix)
            output = ScoredOutput(writer, errors)
            try:
                yield output
                writer.finish()
            except BaseException:  # Ctrl-C too: the writer must let go before the file is closed
                writer.abandon()
                raise
            _sync(file)
            _sync(errors)
        if output.n_refused:
            errors_partial.replace(errors_path(path))
        else:
            errors_path(path).unlink(missing_ok=True)
        partial.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
        errors_partial.unlink(missing_ok=True)


def error_line(bad: BadRow) -> bytes:
    """A refused row as one line of JSON; whatever its values hold, the line is UTF-8."""
    record = {
        "number": bad.number,
        "line": bad.line,
        "column": bad.column,
        "code": bad.code,
        "cause": bad.cause,
        "raw": bad.raw,
        "values": as_json(dict(bad.values)),
    }
    try:
        return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # an unpaired surrogate: only an escape can carry it
        return (json.dumps(record) + "\n").encode("ascii")


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
