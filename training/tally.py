"""The account of rows: what became of them, by chunk and in all."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from models.labels import STANCES


@dataclass
class Tally:
    """Rows by what became of them: scored ones by stance, of these the certain ones, refused ones by code."""

    stances: Counter[str] = field(default_factory=Counter)
    certain: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def n_scored(self) -> int:
        """Rows that have a stance."""
        return self.stances.total()

    @property
    def n_refused(self) -> int:
        """Rows that went to the report."""
        return self.refused.total()

    @property
    def n_in(self) -> int:
        """Rows that were read: each was scored or refused."""
        return self.n_scored + self.n_refused

    def add(self, other: Self) -> None:
        """Count the rows of another account too."""
        self.stances += other.stances
        self.certain += other.certain
        self.refused += other.refused

    def as_json(self) -> dict[str, Any]:
        """The account in terms of JSON, its sums included."""
        return {
            "rows_in": self.n_in,
            "rows_scored": self.n_scored,
            "rows_refused": self.n_refused,
            "stances": {str(stance): self.stances[stance] for stance in STANCES if self.stances[stance]},
            "certain": {str(stance): self.certain[stance] for stance in STANCES if self.certain[stance]},
            "refused": dict(sorted(self.refused.items())),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The account that ``as_json`` gave."""
        return cls(*(Counter(record[name]) for name in ("stances", "certain", "refused")))

    def table(self) -> str:
        """Rows by stance, with the share whose prediction set has one member."""
        lines = [f"{'stance':<14}{'rows':>10}{'share':>9}{'certain':>9}"]
        for stance in STANCES:
            n_rows = self.stances[stance]
            certain = f"{self.certain[stance] / n_rows:.1%}" if n_rows else "-"
            lines.append(f"{stance:<14}{n_rows:>10}{n_rows / max(self.n_scored, 1):>9.1%}{certain:>9}")
        return "\n".join(lines)
