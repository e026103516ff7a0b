"""What any model must beat, on the same data: a constant, rules from the codebook, word counts, and the bare encoder.

Each baseline has ``fit(examples)`` and ``probabilities(texts)``. None of them was tuned on any evaluation data.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from models.classifier import MAX_BATCH, MAX_PADDED_TOKENS
from models.decision import FloatArray, softmax
from models.encoding import TextEncoder, pad, plan_batches
from models.labels import STANCES, Stance
from models.text import normalise
from training.base import DEFAULT_BASE, find_base
from training.examples import CorpusError, Example, labels_of

Embed = Callable[[Sequence[str]], FloatArray]
"""N texts -> [N, D] embeddings of unit length."""


class Baseline(Protocol):
    """Something that can be fitted on examples and asked for probabilities."""

    def fit(self, examples: Sequence[Example]) -> None:
        """Learn from the training examples. Raises: CorpusError when there is nothing to learn from."""
        ...

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """The probability of each stance. Shapes: N texts -> [N, L]."""
        ...


class Majority:
    """Always the share of each stance in the training data, so always its most frequent stance."""

    def __init__(self) -> None:
        self._shares = np.full(len(STANCES), 1 / len(STANCES))

    def fit(self, examples: Sequence[Example]) -> None:
        """Count the stances. Raises: CorpusError for no examples."""
        _, labels = _texts_and_labels(examples)
        self._shares = np.bincount(labels, minlength=len(STANCES)) / len(labels)

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """The same row for each text. Shapes: N texts -> [N, L]."""
        return np.tile(self._shares, (len(texts), 1))


NEGOTIATION: Final = (
    r"negotiat\w*|talks?|dialogue|mediat\w*|summits?|cease-?fires?|truces?|armistice|settlements?|agreements?|accords?"
    r"|deals?|treat(?:y|ies)|bargain\w*|compromis\w*|concessions?|peace|diplomacy|diplomatic|meet(?:ings?)?|table"
    r"|sit down|proposals?"
)
_NOT: Final = r"(?:(?:will|would|shall|can|do|does|did) ?(?:not|n't)|won't|can't)"
REFUSAL: Final = (
    r"reject\w*|refus\w*|rul(?:e|es|ed|ing) out|walk(?:s|ed|ing)? (?:out|away)|break(?:s|ing)? off|broke off|broken off"
    r"|suspend\w*|boycott\w*|abandon\w*|withdr[ae]w\w* from|pull(?:s|ed|ing)? out|tear(?:s|ing)? up|tore up|scrapp?\w*"
    r"|pointless|futile|waste of time|nothing to (?:discuss|talk about|negotiate)|(?:will|would|shall) never|bad faith"
    r"|no (?:talks|negotiations?|dialogue|deal|compromise|concessions?)"
    rf"|{_NOT} (?:negotiat\w*|talk|meet|sign|compromise|accept)"
)
DENUNCIATION: Final = (
    r"condemn\w*|denounc\w*|threaten\w*|crush\w*|destroy\w*|retaliat\w*|reveng\w*|aggress(?:ion|ors?)|terrorists?"
    r"|traitors?|liars?|treacher\w*|betray\w*|provocations?|violat\w*"
)
CONDITION: Final = (
    r"if|unless|until|provided(?: that)?|as long as|so long as|on (?:the )?condition|only (?:when|after|once|with)|once"
    r"|in (?:return|exchange) for|for its part|depend(?:s|ing)? on|conditional (?:on|upon)|contingent on|pending"
    r"|preconditions?|prerequisites?|before (?:any|we|they|it|talks|negotiations)|by (?:the )?deadline|ultimatum"
    r"|ball is in|up to (?:them|him|her|the other side)|first (?:have|has|must|needs?)|must first"
)
CONCILIATION: Final = (
    r"welcom\w*|agree[ds]? (?:to|on|with)|ready|willing(?:ness)?|prepared to|open to|offer(?:s|ed|ing)?|propos\w*"
    r"|invit\w*|accept(?:s|ed)?|resum\w*|progress|constructive|commit(?:s|ted|ment)?|hopes?|hopeful|urg\w*"
    r"|look(?:s|ing)? forward|call(?:s|ed|ing)? (?:for|on)|appeal\w*|support\w*|releas(?:e|ed|es) \w+ ?prisoners"
    r"|gesture|reconcil\w*|peaceful\w*|sign(?:s|ed)?|extend(?:s|ed)?|honou?r(?:s|ed)?"
)
FINAL_REFUSAL: Final = (
    r"even then|whether or not|under no circumstances|no matter what|not even consider\w*|no reason to"
)
WITHOUT_CONDITION: Final = (
    r"(?:without|no) (?:any )?pre-?conditions?|unconditional(?:ly)?|any ?time,? any ?(?:where|place)"
)
NEGATED_REFUSAL: Final = (
    r"(?:not|\w+n't|never) (?:yet )?(?:rul\w+ out|refus\w+|reject\w*|walk\w* away|abandon\w*|clos\w+ the door)"
    r"|door (?:is|stays|remains) (?:still )?open"
)

RULES: Final[tuple[tuple[str, tuple[str, ...], Stance], ...]] = (
    ("R4", (WITHOUT_CONDITION, NEGOTIATION), Stance.CONCILIATORY),
    ("R2", (FINAL_REFUSAL, NEGOTIATION), Stance.HOSTILE),
    ("R1, R2, R7, R14", (CONDITION, NEGOTIATION), Stance.CONDITIONAL),
    ("R6", (NEGATED_REFUSAL,), Stance.CONCILIATORY),
    ("R5, R10", (REFUSAL, NEGOTIATION), Stance.HOSTILE),
    ("R12, R17", (CONCILIATION, NEGOTIATION), Stance.CONCILIATORY),
    ("R13", (DENUNCIATION,), Stance.HOSTILE),
)
"""Tie-breaks of the codebook, in order: the first whose patterns are all found decides; else the stance is ``none``."""


class Keywords:
    """Rules written from the codebook; each text gets one stance with probability 1, for rules are never half sure."""

    def __init__(self) -> None:
        self._rules = [
            ([re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for pattern in patterns], STANCES.index(stance))
            for _, patterns, stance in RULES
        ]

    def fit(self, examples: Sequence[Example]) -> None:
        """Nothing to learn: the rules are the codebook's."""

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """One stance for each text. Shapes: N texts -> [N, L]."""
        return np.eye(len(STANCES))[[self._stance(normalise(text)) for text in texts]]

    def _stance(self, text: str) -> int:
        for patterns, stance in self._rules:
            if all(pattern.search(text) for pattern in patterns):
                return stance
        return STANCES.index(Stance.NONE)


class TfidfLogistic:
    """Logistic regression on counts of words (1-2) and of characters within words (2-5), classes balanced."""

    def __init__(self, *, max_iterations: int = 300) -> None:
        self._max_iterations = max_iterations
        self._pipeline: Any = None

    def fit(self, examples: Sequence[Example]) -> None:
        """Fit vocabulary and weights. Raises: CorpusError for no examples, or examples of one stance only."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union

        texts, labels = _texts_and_labels(examples)
        if len(set(labels)) < 2:
            raise CorpusError("baselines: logistic regression needs examples of at least two stances")
        features = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        )
        model = LogisticRegression(class_weight="balanced", max_iter=self._max_iterations)
        self._pipeline = make_pipeline(features, model).fit([normalise(text) for text in texts], labels)

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """The regression's probabilities; 0 for a stance it never saw. Shapes: N texts -> [N, L]. Must be fitted."""
        found = np.zeros((len(texts), len(STANCES)))
        found[:, self._pipeline.classes_] = self._pipeline.predict_proba([normalise(text) for text in texts])
        return found


DESCRIPTIONS: Final[Mapping[Stance, str]] = {
    Stance.CONCILIATORY: (
        "The actor is willing to start, continue, resume or conclude negotiations, compromises, makes a gesture or"
        " concession, praises the counterpart or the progress of talks, keeps to an agreement, de-escalates, accepts or"
        " urges mediation, and attaches no prerequisite that the other side must meet first."
    ),
    Stance.HOSTILE: (
        "The actor refuses, breaks off, suspends, belittles or despairs of negotiations, walks away from an agreement,"
        " threatens or denounces the counterpart or accuses it of bad faith, and shows no path to talks."
    ),
    Stance.CONDITIONAL: (
        "The actor makes talks, an agreement or a concession depend on something: a precondition, a sequence, an"
        " exchange, a deadline for coming to terms, a price; or keeps both tracks open, depending on the counterpart."
    ),
    Stance.NONE: (
        "The actor takes no stance toward negotiations: logistics, background, statistics, an observer's description,"
        " another subject."
    ),
}
"""Source: docs/codebook.md, table "Labels"."""

COSINE_SCALE: Final = 20.0
"""Factor on cosines before the softmax. Source: the default scale of sentence-transformers' ranking loss."""


class NearestDescription:
    """The stance whose description in the codebook is nearest to the text, by cosine; nothing is learnt."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._descriptions = embed([DESCRIPTIONS[stance] for stance in STANCES])  # [L, D]

    def fit(self, examples: Sequence[Example]) -> None:
        """Nothing to learn: the descriptions are the codebook's."""

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """Softmax of the scaled cosines. Shapes: N texts -> [N, L]."""
        return softmax(COSINE_SCALE * (self._embed(texts) @ self._descriptions.T))


def base_embedder(name: str = DEFAULT_BASE, *, max_tokens: int = 256) -> Embed:
    """Mean-pooled embeddings of the base encoder, as it was published. Raises: BaseError."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    base = find_base(name)
    tokenizer = AutoTokenizer.from_pretrained(base.location, revision=base.revision)
    encoder = TextEncoder(tokenizer.backend_tokenizer, max_tokens=max_tokens)
    model = AutoModel.from_pretrained(base.location, revision=base.revision, dtype=torch.float32).eval()

    def embed(texts: Sequence[str]) -> FloatArray:
        encodings = encoder.encode(texts)
        found = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
        widths = [item.width for item in encodings]
        for rows in plan_batches(widths, max_batch=MAX_BATCH, max_padded_tokens=MAX_PADDED_TOKENS):
            ids, mask = map(torch.from_numpy, pad([encodings[row] for row in rows]))
            with torch.inference_mode():
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state  # [B, T, D]
            kept = mask[:, :, None]
            found[rows] = ((hidden * kept).sum(dim=1) / kept.sum(dim=1)).numpy()
        unit: FloatArray = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    return embed


def all_baselines(base: str = DEFAULT_BASE) -> dict[str, Baseline]:
    """Every baseline by the name it has in reports, none fitted yet. Raises: BaseError."""
    return {
        "majority": Majority(),
        "keywords": Keywords(),
        "tfidf_logistic": TfidfLogistic(),
        "nearest_description": NearestDescription(base_embedder(base)),
    }


def _texts_and_labels(examples: Sequence[Example]) -> tuple[list[str], np.ndarray]:
    if not examples:
        raise CorpusError("baselines: there are no training examples")
    return [e.text or "" for e in examples], labels_of(examples)
