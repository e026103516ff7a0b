"""What people say of statements, as votes; and what becomes of the votes on one text.

Reviewers vote by name: of the votes of one reviewer on one text the last one counts. A row without a reviewer's name is
a vote of its own. The label is that of most votes; where two stances have as many, there is none. The conditions are
those that most of these voters gave, of equally many the last, by voters for the label alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from models.labels import Stance
from training.examples import Condition, Example, Origin, sha256_of_text

ID_DIGITS = 16
"""Hexadecimal digits of a text's sha256 in its example's id: none of a billion texts shares them by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One row that a person has reviewed."""

    text: str
    stance: Stance
    file: str
    number: int  # of the row, task or correction in its file, from 1
    line: int | None = None
    reviewer: str | None = None
    note: str | None = None
    conditions: tuple[Condition, ...] | None = None  # in the folded text; None where nothing was said of them
    predicted: Stance | None = None  # by the model
    model: str | None = None
    drawn: str | None = None  # why training.sample picked it
    prediction_id: str | None = None

    @property
    def voter(self) -> str:
        """Whose vote it is: of one voter the last counts. Without names, a prediction is corrected by one voter."""
        if self.reviewer is not None:
            return f"reviewer {self.reviewer}"
        if self.prediction_id is not None:
            return f"prediction {self.prediction_id}"
        return f"{self.file}, row {self.number}"


@dataclass
class Verdict:
    """All reviews of one text."""

    text: str  # white space folded, as in the corpus
    reviews: list[Review] = field(default_factory=list)

    @property
    def counted(self) -> list[Review]:
        """The last review of each voter."""
        return list({review.voter: review for review in self.reviews}.values())

    @property
    def votes(self) -> Counter[Stance]:
        """How many voters gave each stance."""
        return Counter(review.stance for review in self.counted)

    @property
    def label(self) -> Stance | None:
        """The stance of most votes; None where there is no such one."""
        (first, n_first), *rest = self.votes.most_common()
        return None if rest and rest[0][1] == n_first else first

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the label's voters say is demanded; nothing where none of them says."""
        given = [r.conditions for r in self.counted[::-1] if r.stance is self.label and r.conditions]
        return Counter(given).most_common(1)[0][0] if given else ()

    @property
    def is_disputed(self) -> bool:
        """Whether voters differ."""
        return len(self.votes) > 1

    @property
    def sha256(self) -> str:
        """Of the text."""
        return sha256_of_text(self.text)

    @property
    def id(self) -> str:
        """The id of its example; the same text has the same, whoever reviewed it."""
        return f"reviewed-{self.sha256[:ID_DIGITS]}"

    def example(self) -> Example:
        """The example that training takes. Raises: ValueError where the votes give no label."""
        if self.label is None:
            raise ValueError(f"{self.id}: its votes are tied")
        return Example(
            id=self.id,
            label=self.label,
            origin=Origin.REVIEWED,
            group=self.id,
            text=self.text,
            conditions=self.conditions,
            votes={str(stance): n for stance, n in self.votes.items()},
            sha256=self.sha256,
        )

    def lines(self, outcome: str) -> list[dict[str, Any]]:
        """A line of the ledger for each review, with what became of it."""
        counted = {id(review) for review in self.counted}
        return [
            {
                "example": self.id,
                "outcome": outcome if id(review) in counted else "replaced",
                "stance": str(review.stance),
                "conditions": None if review.conditions is None else [asdict(one) for one in review.conditions],
                "predicted": review.predicted,
                "model": review.model,
                "reviewer": review.reviewer,
                "note": review.note,
                "drawn": review.drawn,
                "prediction_id": review.prediction_id,
                "file": review.file,
                "row": review.number,
                "line": review.line,
                "text": self.text,
            }
            for review in self.reviews
        ]


def folded(text: str) -> str:
    """The text with its white space folded, as that of every statement of the record."""
    return " ".join(text.split())


def verdicts(reviews: Iterable[Review]) -> list[Verdict]:
    """The reviews by text, in the order in which texts came first."""
    found: dict[str, Verdict] = {}
    for review in reviews:
        text = folded(review.text)
        found.setdefault(text, Verdict(text)).reviews.append(review)
    return list(found.values())


def agreement(decided: Sequence[Verdict]) -> tuple[int, int]:
    """For how many texts the model's stance is the label, and of how many its stance is known."""
    pairs = [(v.label, next((r.predicted for r in v.counted if r.predicted is not None), None)) for v in decided]
    known = [(label, predicted) for label, predicted in pairs if predicted is not None]
    return sum(label == predicted for label, predicted in known), len(known)
