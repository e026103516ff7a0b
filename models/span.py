"""A stretch of a text, in characters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters [start, end) of a text, never empty."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The words that stand there."""
        return text[self.start : self.end]

    def holds(self, start: int, end: int) -> bool:
        """Whether these characters all lie in this span."""
        return self.start <= start <= end <= self.end
