"""Check whether explanations name what the model's answer stands on, on statements of the record.

    python -m training.faithfulness --artifact models/stance-minilm --output runs/faithfulness --n 200

Statements with a stance are drawn from the validation and calibration splits; those in which the model finds none, or
which are one group of words, are passed over. Each is explained as the service does it, and its top group is compared
with another group drawn at random, in three ways. *Removed*: as the explanation itself does it, so that the top group
cannot lose, and only the size of its lead says something. *Masked*: each of its tokens replaced by the mask token in
its place. *Alone*: nothing else kept, where the group that keeps the answer wins. Writes faithfulness.json and .md.
"""

import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from models import artifact as artifacts
from models.classifier import StanceClassifier
from models.decision import FloatArray
from models.encoding import Encoding
from models.engines import ENGINES
from models.errors import ArtifactIncompatible, ParleyError
from models.explanation import Span, occlude
from models.labels import STANCES, Stance
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example
from training.intervals import DRAWS, Statistics, bootstrap
from training.measuring import describe_model
from training.program import make_parser
from training.tables import interval, table, weights_of

WAYS: Final = ("removed", "masked", "alone")
MASK: Final = "[MASK]"
MEASURES: Final = ("top_drop", "other_drop", "lead", "top_wins", "top_flips", "other_flips")


@dataclass(frozen=True, slots=True)
class Trial:
    """What was done to the top group and to another one of a statement: the drops and whether the stance flipped."""

    top_drop: float
    other_drop: float
    top_flips: bool
    other_flips: bool


def masked(encoding: Encoding, group: Span, *, mask_id: int) -> Encoding:
    """The text with every token of a group replaced by the mask token, at its place."""
    hidden = [start < end and start < group.end and end > group.start for start, end in encoding.offsets]
    pairs = zip(encoding.ids, hidden, strict=True)
    return replace(encoding, ids=tuple(mask_id if hide else token for token, hide in pairs))


def try_groups(classifier: StanceClassifier, text: str, *, mask_id: int, draw: random.Random) -> dict[str, Trial]:
    """The trial of each of WAYS; none for a text of one group, or one in which the model finds no stance."""
    encode = classifier.encoder.encode
    (whole,) = encode([text])
    groups, remainders = occlude(text, whole)
    if len(groups) < 2:
        return {}
    probabilities = _ask(classifier, [whole, *encode(remainders)])  # [1 + G, L]
    stance = int(probabilities[0].argmax())
    if STANCES[stance] is Stance.NONE:
        return {}
    top = int(probabilities[1:, stance].argmin())
    other = draw.choice([index for index in range(len(groups)) if index != top])
    pair = [groups[top], groups[other]]
    hidden = _ask(classifier, [masked(whole, group, mask_id=mask_id) for group in pair])
    alone = _ask(classifier, encode([text[slice(*group)] for group in pair]))
    before = probabilities[0]
    return {
        way: _trial(before, after)
        for way, after in zip(WAYS, (probabilities[[1 + top, 1 + other]], hidden, alone), strict=True)
    }


def _ask(classifier: StanceClassifier, encodings: Sequence[Encoding]) -> FloatArray:
    return classifier.artifact.decision.probabilities(classifier.logits(encodings))


def _trial(before: FloatArray, after: FloatArray) -> Trial:
    """The trial of the top group (row 0) and the other (row 1). Shapes: before [L], after [2, L]."""
    stance = int(before.argmax())
    drops, flips = before[stance] - after[:, stance], after.argmax(axis=1) != stance
    return Trial(float(drops[0]), float(drops[1]), bool(flips[0]), bool(flips[1]))


def statistics_of(trials: Sequence[Trial], *, kept: bool) -> Statistics:
    """The MEASURES of trials. ``kept``: the group is what was left, so that the top one wins by the smaller drop."""
    top, other = (np.array([getattr(one, name) for one in trials]) for name in ("top_drop", "other_drop"))
    lead = other - top if kept else top - other
    columns = {
        "top_drop": top,
        "other_drop": other,
        "lead": lead,
        "top_wins": lead >= 0,
        "top_flips": np.array([one.top_flips for one in trials]),
        "other_flips": np.array([one.other_flips for one in trials]),
    }
    return lambda weights: {name: weights @ each / weights.sum(axis=1) for name, each in columns.items()}


def measure(
    classifier: StanceClassifier, examples: Sequence[Example], *, n: int, seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """The measures of each way, on the first n usable statements in an order of chance. Raises: ParleyError."""
    order, draw = list(examples), random.Random(seed)
    draw.shuffle(order)
    tokenizer = Tokenizer.from_file(str(classifier.artifact.file(artifacts.TOKENIZER)))
    mask_id = tokenizer.token_to_id(MASK)
    if mask_id is None:
        raise ArtifactIncompatible(f"the tokenizer has no {MASK}")
    trials: list[dict[str, Trial]] = []
    for example in order:
        if len(trials) == n:
            break
        if found := try_groups(classifier, example.text or "", mask_id=mask_id, draw=draw):
            trials.append(found)
    ways = {}
    for way in WAYS:
        statistics = statistics_of([found[way] for found in trials], kept=way == "alone")
        ways[way] = {name: asdict(one) for name, one in bootstrap(statistics, len(trials), draws=draws).items()}
    return {"n": len(trials), "seed": seed, "draws": draws, "ways": ways}


def read_statements(data: Path) -> list[Example]:
    """The statements with a stance of the splits that fit no weights. Raises: CorpusError."""
    corpus = read_corpus(data)
    return [one for one in [*corpus.validation, *corpus.calibration] if one.label is not Stance.NONE]


def markdown(found: Mapping[str, Any]) -> str:
    """The check as Markdown, made from the data of faithfulness.json alone."""
    note = (
        f"{found['n']} statements of the public record (validation and calibration splits) in which the model finds a"
        " stance. Top: the group of words whose removal lowers the stance's probability most; other: another group at"
        " random. Removed: as the explanation does it, so that top cannot lose. Masked: tokens replaced by the mask"
        " token. Alone: nothing but the group kept, where the *smaller* drop wins. Lead: by how much top is ahead."
        f" 95 % intervals in brackets. Weights: {weights_of(found['model'])}."
    )
    header = ["the group", "drop, top", "drop, other", "lead", "top ahead or equal", "flips, top", "flips, other"]
    rows = [
        [way, *(interval(measured[name]) for name in MEASURES)] for way, measured in found["ways"].items() if measured
    ]
    return f"# Faithfulness of explanations: {found['model']['id']}\n\n{note}\n\n{table(header, rows)}\n"


def main(
    arguments: Sequence[str] | None = None, *, open_classifier: Callable[..., StanceClassifier] = StanceClassifier.open
) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.faithfulness", __doc__)
    parser.add_argument("--artifact", type=Path, required=True, metavar="DIR", help="the model directory")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the figures go")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    parser.add_argument("--n", type=int, default=200, help="statements (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    parser.add_argument("--engine", choices=ENGINES, default="openvino", help="what answers (default: openvino)")
    parser.add_argument("--threads", type=int, default=0, help="compute threads; 0 means one for each core")
    flags = parser.parse_args(arguments)
    if flags.n < 1:
        parser.error("--n must be at least 1")
    try:
        classifier = open_classifier(flags.artifact, engine=flags.engine, threads=flags.threads)
        found = measure(classifier, read_statements(flags.data), n=flags.n, seed=flags.seed)
    except (CorpusError, ParleyError) as error:
        print(f"faithfulness: {error}", file=sys.stderr)
        return 2
    model = describe_model(classifier, flags.artifact)
    found = {"model": {key: model[key] for key in ("id", "digest", "weights")}, **found}
    flags.output.mkdir(parents=True, exist_ok=True)
    (flags.output / "faithfulness.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (flags.output / "faithfulness.md").write_text(markdown(found), encoding="utf-8")
    if not found["n"]:
        print(f"{flags.output}: no usable statement")
        return 0
    lead, wins = (interval(found["ways"]["masked"][name]) for name in ("lead", "top_wins"))
    print(f"{flags.output}: {found['n']} statements; masked, the top group leads by {lead} and is ahead in {wins}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
