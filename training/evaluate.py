"""Measure artifacts on annotated statements and write report.json, report.md and pictures.

    python -m training.evaluate --artifact models/stance-minilm --output runs/report
    python -m training.evaluate --artifact runs/a0 runs/a1 runs/a2 --split contrast --output runs/contrast

Several artifacts are taken as seeds of one recipe: the headline is their mean, the details are of the first. Baselines
are fitted on the training examples of the first artifact's recipe. The report names statements by their id only: the
texts of the public record must not be committed.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from models.artifact import Manifest
from models.classifier import StanceClassifier
from models.engines import ENGINES
from models.errors import ParleyError
from models.labels import STANCES
from training import intervals, measuring, pictures, report
from training.base import DEFAULT_BASE, BaseError
from training.baselines import Baseline, all_baselines
from training.config import TrainingConfig
from training.corpus import DEV, read_corpus
from training.examples import DATA, HYDRATED, CorpusError, Example, digest, read_examples
from training.program import make_parser
from training.splits import Corpus, Split
from training.tables import interval

Open = Callable[..., StanceClassifier]
Baselines = Callable[[str], Mapping[str, Baseline]]


def read_data(flags: argparse.Namespace) -> tuple[list[Example], Corpus | None]:
    """The statements to measure on, and the corpus where it is needed. Raises: CorpusError."""
    corpus = read_corpus(flags.corpus) if flags.split or flags.baselines else None
    examples = getattr(corpus, flags.split) if flags.split else list(read_examples(flags.data))
    if not examples:
        raise CorpusError(f"{flags.split or flags.data}: no statements to measure on")
    for example in examples:
        if example.text is None:
            raise CorpusError(f"{example.id}: has no text; run `python -m training.hydrate` first")
    return examples, corpus


def read_curve(path: Path | None) -> dict[str, Any] | None:
    """The learning curve that training.learning_curve wrote. Raises: CorpusError."""
    if path is None:
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for point in found["points"]:
            float(point["n_train"]), float(point["model"]), float(point["tfidf_logistic"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path}: not a learning curve: {type(error).__name__}: {error}") from error
    return found


def trained_on(corpus: Corpus, manifest: Manifest) -> list[Example]:
    """The training examples of the recipe that the manifest records, taken from this corpus."""
    from training.finetune import used_for_training  # late, for it takes seconds

    return used_for_training(corpus, TrainingConfig.of_record(manifest.training))


def count_labels(examples: Sequence[Example]) -> dict[str, int]:
    """How many examples each stance has."""
    return {str(stance): sum(example.label == stance for example in examples) for stance in STANCES}


def describe_data(flags: argparse.Namespace, examples: Sequence[Example]) -> dict[str, Any]:
    """What was measured on, and how many of the statements are of the dev set, on which the recipe was chosen."""
    dev = flags.corpus / DEV
    dev_ids = {example.id for example in read_examples(dev)} if dev.is_file() else set()
    return {
        "name": f"split {flags.split}" if flags.split else flags.data.name,
        "split": flags.split,
        "n": len(examples),
        "digest": digest(examples),
        "labels": count_labels(examples),
        "origins": dict(Counter(str(example.origin) for example in examples)),
        "n_of_dev": sum(example.id in dev_ids for example in examples),
    }


def describe_training(
    train: Sequence[Example], corpus: Corpus, *, examples: Sequence[Example], manifests: Mapping[str, Manifest]
) -> dict[str, Any]:
    """What the baselines were fitted on, whether each artifact was too, and what of it the measured examples share."""
    found = digest(train)
    others = [path for path, manifest in manifests.items() if manifest.data.get("digest") != found]
    texts, groups = {example.text for example in train}, {example.group for example in train}
    shared = [example.group for example in examples if example.group in groups]
    return {
        "n": len(train),
        "digest": found,
        "same_data": not others,
        "trained_on_other_data": others,
        "labels_of_validation": count_labels(corpus.validation),
        "labels_of_calibration": count_labels(corpus.calibration),
        "n_also_in_training": sum(example.text in texts for example in examples),
        "n_groups": len({example.group for example in examples}),
        "n_groups_also_in_training": len(set(shared)),
        "n_statements_of_these_groups": len(shared),
    }


def open_both(
    flags: argparse.Namespace, answering: StanceClassifier, *, open_classifier: Open
) -> tuple[StanceClassifier, StanceClassifier]:
    """The first artifact as it is served, and in the reference engine. Raises: ParleyError."""
    other = next(name for name in ENGINES if name != flags.engine)
    both = {flags.engine: answering, other: open_classifier(flags.artifact[0], engine=other, threads=flags.threads)}
    return both["openvino"], both["torch"]


def evaluate(flags: argparse.Namespace, *, open_classifier: Open, make_baselines: Baselines) -> dict[str, Any]:
    """The whole report as plain data. Raises: CorpusError, BaseError, ParleyError."""
    examples, corpus = read_data(flags)
    learning_curve = read_curve(flags.learning_curve)
    paths = list(dict.fromkeys(flags.artifact))
    classifiers = [open_classifier(path, engine=flags.engine, threads=flags.threads) for path in paths]
    manifests = {str(path): given.artifact.manifest for path, given in zip(paths, classifiers, strict=True)}
    models = [measuring.describe_model(classifier, path) for classifier, path in zip(classifiers, paths, strict=True)]
    answers = [measuring.ask(classifier, examples) for classifier in classifiers]
    train = trained_on(corpus, classifiers[0].artifact.manifest) if corpus else []
    groups = {example.group for example in train} if corpus else None
    baselines = make_baselines(flags.base) if flags.baselines else {}
    given = measuring.ask_baselines(baselines, train=train, examples=examples)
    found: dict[str, Any] = {
        "data": describe_data(flags, examples),
        "training": describe_training(train, corpus, examples=examples, manifests=manifests) if corpus else None,
        "model": models[0],
        "draws": flags.draws,
        **measuring.measure_recipe(answers, examples, baselines=given, trained_groups=groups, draws=flags.draws),
        **measuring.measure(answers[0], examples, trained_groups=groups, draws=flags.draws),
        "seeds": measuring.measure_seeds(models, answers),
        "engines": None,
        "neighbours": None,
        "learning_curve": learning_curve,
    }
    curves = {name: measuring.curve(answers[0].labels, probabilities) for name, probabilities in given.items()}
    found["risk_coverage"].update(curves)
    if flags.compare_engines:
        served, reference = open_both(flags, classifiers[0], open_classifier=open_classifier)
        found["engines"] = measuring.compare_engines(served, reference, examples=examples)
        found["neighbours"] = measuring.neighbour_dependence(served, examples)
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain, allow_nan=False))
    return plain


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no place in a report")


def write(found: Mapping[str, Any], output: Path) -> None:
    """Write report.json, the pictures and report.md, which shows the figures of report.json and no others."""
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    (output / "report.json").write_text(text + "\n", encoding="utf-8")
    drawn = pictures.draw_all(found, output)
    (output / "report.md").write_text(report.markdown(found, drawn), encoding="utf-8")


def make_flags() -> argparse.ArgumentParser:
    """The program's options."""
    parser = make_parser("training.evaluate", __doc__)
    add = parser.add_argument
    add("--artifact", type=Path, nargs="+", required=True, metavar="DIR", help="model directories: seeds of one recipe")
    add("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--data", type=Path, default=HYDRATED / "dev.jsonl", metavar="FILE", help="JSONL of examples")
    choices = [str(split) for split in Split if split is not Split.TRAIN]
    data.add_argument("--split", choices=choices, help="measure on a split of the corpus and not on a file")
    add("--corpus", type=Path, default=DATA, metavar="DIR", help="the corpus folder (default: training/data)")
    yes_or_no = argparse.BooleanOptionalAction
    add("--baselines", action=yes_or_no, default=True, help="fit the baselines on the training split and measure them")
    add("--base", default=DEFAULT_BASE, help="the encoder of the nearest-description baseline")
    add("--engine", choices=ENGINES, default="openvino", help="what answers (default: openvino)")
    add("--compare-engines", action="store_true", help="also compare with the other engine, and alone with in a batch")
    add("--learning-curve", type=Path, metavar="FILE", help="curve.json of training.learning_curve")
    add("--draws", type=int, default=intervals.DRAWS, help=f"bootstrap draws (default: {intervals.DRAWS})")
    add("--threads", type=int, default=0, help="compute threads; 0 means one for each core")
    return parser


def main(
    arguments: Sequence[str] | None = None,
    *,
    open_classifier: Open = StanceClassifier.open,
    make_baselines: Baselines = all_baselines,
) -> int:
    """The program; returns its exit status."""
    flags = make_flags().parse_args(arguments)
    try:
        found = evaluate(flags, open_classifier=open_classifier, make_baselines=make_baselines)
        write(found, flags.output)
    except (CorpusError, BaseError, ParleyError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    score, n = interval(found["claim"]["all"]["macro_f1"]), found["data"]["n"]
    print(f"{flags.output}: macro-F1 {score} on {n} statements, seeds: {len(found['seeds']['runs'])}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
