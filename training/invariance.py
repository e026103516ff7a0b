"""Audit whether a stance depends on who the sides are: swap their names in real statements and compare the answers.

    python -m training.invariance --artifact models/stance-minilm --output runs/invariance

Every statement of the hydrated public record in which a pair of training.swap_pairs is named is asked as it is and with
the names swapped: statements that the model was not trained on (validation, calibration and dev). --trained asks the
training statements too, many more, and reports them by themselves, for training swaps names as well. Writes
invariance.json and invariance.md.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.classifier import StanceClassifier
from models.decision import FloatArray
from models.engines import ENGINES
from models.errors import ParleyError
from training.corpus import DEV, HYDRATED_FOLDER, read_corpus
from training.examples import DATA, CorpusError, Example, Origin, read_examples
from training.intervals import DRAWS, Statistics, bootstrap
from training.measuring import describe_model, probabilities_of
from training.program import make_parser
from training.slices import SMALL
from training.swaps import swaps_of
from training.tables import interval, number, table, weights_of

MAX_FLIPPED: Final = 0.01
MAX_MEAN_CHANGE: Final = 0.02
"""What the model card promises of statements that it was not trained on."""
N_WORST: Final = 15
SEEN: Final = "also in training"
UNSEEN: Final = "not in training"


@dataclass(frozen=True, slots=True)
class Swapped:
    """A statement with the names of one pair swapped."""

    example: Example
    pair: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the swaps did to M answers."""

    flipped: npt.NDArray[np.bool_]  # [M]
    change: FloatArray  # [M], absolute, of the probability of the stance predicted before


def compare(before: FloatArray, after: FloatArray) -> Outcome:
    """Whether each stance flipped, and how much its probability moved. Shapes: [M, L], [M, L]."""
    rows, stances = np.arange(len(before)), before.argmax(axis=1)
    return Outcome(stances != after.argmax(axis=1), np.abs(before[rows, stances] - after[rows, stances]))


def swapped_statements(examples: Sequence[Example]) -> list[Swapped]:
    """Each swap that applies to each statement, in their order."""
    return [Swapped(example, swap.name, text) for example in examples for swap, text in swaps_of(example.text or "")]


def statistics_of(outcome: Outcome, statements: npt.NDArray[np.integer[Any]]) -> Statistics:
    """Shares and means over swaps; a draw takes a statement with all of its swaps. Shapes: statements [M] of N."""

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        of_swaps = weights[:, statements]  # [R, M]
        n = of_swaps.sum(axis=1)
        return {"flipped": of_swaps @ outcome.flipped / n, "mean_change": of_swaps @ outcome.change / n}

    return statistics


def measure(swaps: Sequence[Swapped], outcome: Outcome, *, draws: int) -> dict[str, Any]:
    """The measures of some swaps, with intervals; the statements are what is drawn."""
    ids: dict[str, int] = {}
    statements = np.array([ids.setdefault(one.example.id, len(ids)) for one in swaps], dtype=np.int64)
    estimates = bootstrap(statistics_of(outcome, statements), len(ids), draws=draws)
    measured = {name: asdict(estimate) for name, estimate in estimates.items()}
    counts = {"n_swaps": len(swaps), "n_statements": len(ids), "n_flipped": int(outcome.flipped.sum())}
    return {**counts, **measured, "max_change": float(outcome.change.max(initial=0))}


def measure_pairs(swaps: Sequence[Swapped], outcome: Outcome, *, draws: int) -> list[dict[str, Any]]:
    """The measures of each pair, the most frequent first."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(swaps):
        rows[one.pair].append(row)
    ordered = sorted(rows.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"pair": pair, **measure(*_some(swaps, outcome, own), draws=draws)} for pair, own in ordered]


def _some(swaps: Sequence[Swapped], outcome: Outcome, rows: Sequence[int]) -> tuple[list[Swapped], Outcome]:
    return [swaps[row] for row in rows], Outcome(outcome.flipped[list(rows)], outcome.change[list(rows)])


def worst(swaps: Sequence[Swapped], outcome: Outcome) -> list[dict[str, Any]]:
    """The swaps that moved an answer most, by id, without a word of their texts."""
    order = np.argsort(-outcome.change, kind="stable")[:N_WORST]
    return [
        {
            "id": swaps[row].example.id,
            "pair": swaps[row].pair,
            "label": str(swaps[row].example.label),
            "flipped": bool(outcome.flipped[row]),
            "change": float(outcome.change[row]),
        }
        for row in order
    ]


def audit(
    classifier: StanceClassifier, groups: Mapping[str, Sequence[Example]], *, draws: int = DRAWS
) -> dict[str, dict[str, Any]]:
    """The measures of each group of statements: overall, by pair, and the worst. Raises: ParleyError."""
    found: dict[str, dict[str, Any]] = {}
    for name, examples in groups.items():
        swaps = swapped_statements(examples)
        originals = list(dict.fromkeys(one.example.text or "" for one in swaps))
        places = {text: place for place, text in enumerate(originals)}
        before = probabilities_of(classifier, originals)[[places[one.example.text or ""] for one in swaps]]
        outcome = compare(before, probabilities_of(classifier, [one.text for one in swaps]))
        found[name] = {
            "n_asked": len(examples),
            "overall": measure(swaps, outcome, draws=draws),
            "pairs": measure_pairs(swaps, outcome, draws=draws),
            "worst": worst(swaps, outcome),
        }
    return found


def read_groups(data: Path, *, with_trained: bool) -> dict[str, list[Example]]:
    """The statements of the record by whether training saw them; those that it saw on demand. Raises: CorpusError."""
    corpus = read_corpus(data)
    hydrated = data / HYDRATED_FOLDER / DEV
    dev = list(read_examples(hydrated)) if hydrated.is_file() else []
    if not dev:
        print(f"invariance: {hydrated} is not there: without the dev set", file=sys.stderr)
    unseen = {UNSEEN: [*corpus.validation, *corpus.calibration, *dev]}
    trained = [example for example in corpus.train if example.origin is Origin.RECORD]
    return {**unseen, SEEN: trained} if with_trained else unseen


def markdown(found: Mapping[str, Any]) -> str:
    """The audit as Markdown, made from the data of invariance.json alone."""
    target = f"at most {MAX_FLIPPED:.0%} flipped and a mean change of {MAX_MEAN_CHANGE}"
    parts = [
        f"# Swapped names: {found['model']['id']}",
        "Names of countries, sides and offices in statements of the public record, swapped both ways at once, whole"
        " words in their case (`training/swap_pairs.py`). Flipped: swaps after which the model gives another stance."
        " Change: of the probability of the stance that was given before. 95 % intervals over statements in brackets."
        f" Aimed at for statements not in training: {target}. Weights: {weights_of(found['model'])}.",
    ]
    for name, group in found["groups"].items():
        rows = [["**all**", group["overall"]], *([pair["pair"], pair] for pair in group["pairs"])]
        header = ["pair", "statements", "swaps", "flipped", "mean change", "greatest"]
        lines = [[title, *_cells(measured)] for title, measured in rows]
        parts += [f"## Statements {name}", table(header, lines)]
    parts.append(f"Fewer than {SMALL} statements of a pair (marked *) are too few to lean on.")
    return "\n\n".join(parts) + "\n"


def _cells(measured: Mapping[str, Any]) -> list[object]:
    if not measured["n_swaps"]:
        return [0, 0, "-", "-", "-"]
    mark = "*" if measured["n_statements"] < SMALL else ""
    shares = [interval(measured[name]) for name in ("flipped", "mean_change")]
    return [f"{measured['n_statements']}{mark}", measured["n_swaps"], *shares, number(measured["max_change"])]


def main(
    arguments: Sequence[str] | None = None, *, open_classifier: Callable[..., StanceClassifier] = StanceClassifier.open
) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.invariance", __doc__)
    parser.add_argument("--artifact", type=Path, required=True, metavar="DIR", help="the model directory")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the audit goes")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    parser.add_argument("--trained", action="store_true", help="ask the training statements too")
    parser.add_argument("--engine", choices=ENGINES, default="openvino", help="what answers (default: openvino)")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"bootstrap draws (default: {DRAWS})")
    parser.add_argument("--threads", type=int, default=0, help="compute threads; 0 means one for each core")
    flags = parser.parse_args(arguments)
    try:
        classifier = open_classifier(flags.artifact, engine=flags.engine, threads=flags.threads)
        groups = audit(classifier, read_groups(flags.data, with_trained=flags.trained), draws=flags.draws)
    except (CorpusError, ParleyError) as error:
        print(f"invariance: {error}", file=sys.stderr)
        return 2
    model = describe_model(classifier, flags.artifact)
    found = {"model": {key: model[key] for key in ("id", "digest", "weights")}, "draws": flags.draws, "groups": groups}
    flags.output.mkdir(parents=True, exist_ok=True)
    (flags.output / "invariance.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (flags.output / "invariance.md").write_text(markdown(found), encoding="utf-8")
    overall = groups[UNSEEN]["overall"]
    if not overall["n_swaps"]:
        print(f"{flags.output}: no statement names a pair")
        return 0
    kept = overall["flipped"]["value"] <= MAX_FLIPPED and overall["mean_change"]["value"] <= MAX_MEAN_CHANGE
    shares = f"{interval(overall['flipped'])} flipped, mean change {interval(overall['mean_change'])}"
    print(f"{flags.output}: {UNSEEN}, {overall['n_swaps']} swaps: {shares}: {'kept' if kept else 'NOT kept'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
