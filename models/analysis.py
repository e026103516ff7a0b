"""A whole article's answer, put together from its segments and their predictions: who takes which stance to whom.

segments = segment(text)
predictions = classifier.predict([text[s.start : s.end] for s in segments])
analysis = assemble(text, segments, predictions)
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.actors import PRONOUNS
from models.attribution import Attribution, attribute
from models.conditions import ConditionSpan
from models.labels import STANCES, Speech, Stance
from models.leaning import Leaning, leaning
from models.prediction import Prediction
from models.segmentation import Segment, SegmentKind
from models.span import Span


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an article. All places are characters of the whole text, those of ``conditions`` too.

    The places in ``prediction`` count in the statement's own text. ``speaker`` is None for narration (``speech`` is
    none) and where nobody can tell. ``others`` say or do the same together with the speaker.
    """

    index: int
    start: int
    end: int
    kind: SegmentKind
    paragraph: int
    speech: Speech
    speaker: str | None
    source: Span | None
    cue: Span | None
    addressee: str | None
    conditions: tuple[ConditionSpan, ...]
    prediction: Prediction
    others: tuple[str, ...] = ()

    @property
    def speakers(self) -> tuple[str, ...]:
        """All who say or do it, the speaker first; none where nobody can tell."""
        return (self.speaker, *self.others) if self.speaker is not None else ()

    @property
    def stance(self) -> Stance:
        """The predicted stance."""
        return self.prediction.stance


@dataclass(frozen=True, slots=True)
class ActorCondition:
    """A condition in the actor's own words, and the index of the statement that it stands in."""

    statement: int
    condition: ConditionSpan


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or body that speaks, acts or is addressed.

    ``counts`` has every stance, none included. ``leaning`` is None where no statement takes a stance. ``most_certain``
    has the index of the statement with the highest probability of each stance that the actor takes.
    """

    name: str
    n_mentions: int
    n_statements: int
    counts: Mapping[Stance, int]
    leaning: Leaning | None
    conditions: tuple[ActorCondition, ...]
    most_certain: Mapping[Stance, int]


@dataclass(frozen=True, slots=True)
class Addressed:
    """How often one actor addresses another, and with which stance."""

    speaker: str
    addressee: str
    n_statements: int
    counts: Mapping[Stance, int]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Every statement in its order; the actors, those with most statements of a stance first; who addresses whom.

    ``n_unknown`` counts the statements that somebody makes of whom the text or the rules do not say who.
    """

    statements: tuple[Statement, ...]
    actors: tuple[Actor, ...]
    addressed: tuple[Addressed, ...]
    n_unknown: int


def assemble(text: str, segments: Sequence[Segment], predictions: Sequence[Prediction]) -> Analysis:
    """The analysis of a text from its segments and one prediction for each.

    Who speaks is told with the words that the predictions mark; by rules alone where no prediction marks any.

    Raises: ValueError when there are not as many predictions as segments.
    """
    speech = [prediction.speech() for prediction in predictions]
    has_head = any(found.sources or found.cues for found in speech)
    attributions = attribute(text, segments, speech if has_head else None)
    statements = tuple(
        _statement(index, segment, attribution, prediction)
        for index, (segment, attribution, prediction) in enumerate(
            zip(segments, attributions, predictions, strict=True)
        )
    )
    unknown = sum(1 for statement in statements if statement.speech is not Speech.NONE and statement.speaker is None)
    return Analysis(statements, _actors(text, statements), _addressed(statements), unknown)


def _statement(index: int, segment: Segment, attribution: Attribution, prediction: Prediction) -> Statement:
    conditions = tuple(
        replace(found, start=found.start + segment.start, end=found.end + segment.start)
        for found in prediction.conditions
    )
    return Statement(
        index=index,
        start=segment.start,
        end=segment.end,
        kind=segment.kind,
        paragraph=segment.paragraph,
        speech=attribution.speech,
        speaker=attribution.speaker,
        source=attribution.source,
        cue=attribution.cue,
        addressee=attribution.addressee,
        conditions=conditions,
        prediction=prediction,
        others=attribution.others,
    )


def _actors(text: str, statements: Sequence[Statement]) -> tuple[Actor, ...]:
    names = dict.fromkeys(
        name for statement in statements for name in (*statement.speakers, statement.addressee) if name is not None
    )
    said: dict[str, list[Statement]] = {name: [] for name in names}
    for statement in statements:
        for name in statement.speakers:
            said[name].append(statement)
    actors = [_actor(text, name, theirs) for name, theirs in said.items()]
    return tuple(
        sorted(actors, key=lambda actor: (actor.counts[Stance.NONE] - actor.n_statements, -actor.n_statements))
    )


def _actor(text: str, name: str, theirs: Sequence[Statement]) -> Actor:
    counts = _counts(theirs)
    surest: dict[Stance, int] = {
        stance: max(
            (statement for statement in theirs if statement.stance is stance),
            key=lambda statement: statement.prediction.confidence,
        ).index
        for stance in STANCES
        if counts[stance] and stance is not Stance.NONE
    }
    return Actor(
        name=name,
        n_mentions=_n_mentions(text, name, theirs),
        n_statements=len(theirs),
        counts=counts,
        leaning=leaning(
            [statement.prediction.probabilities for statement in theirs], [statement.stance for statement in theirs]
        ),
        conditions=tuple(
            ActorCondition(statement.index, condition) for statement in theirs for condition in statement.conditions
        ),
        most_certain=surest,
    )


def _counts(statements: Sequence[Statement]) -> dict[Stance, int]:
    found = Counter(statement.stance for statement in statements)
    return {stance: found[stance] for stance in STANCES}


def _n_mentions(text: str, name: str, theirs: Sequence[Statement]) -> int:
    """How often the text has the name or a phrase that led to it; pronouns are not counted."""
    sources = {one.source.of(text) for one in theirs if one.source is not None and not one.others}
    forms = {name, *(source for source in sources if source.lower() not in PRONOUNS)}
    pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return len(re.findall(rf"(?<!\w)(?:{pattern})(?!\w)", text))


def _addressed(statements: Sequence[Statement]) -> tuple[Addressed, ...]:
    pairs: dict[tuple[str, str], list[Statement]] = {}
    for statement in statements:
        for name in statement.speakers if statement.addressee is not None else ():
            pairs.setdefault((name, statement.addressee or ""), []).append(statement)
    found = [Addressed(speaker, addressee, len(made), _counts(made)) for (speaker, addressee), made in pairs.items()]
    return tuple(sorted(found, key=lambda pair: -pair.n_statements))
