"""Train without one source of the public record and measure on it, for each source in turn; write sources.json.

    python -m training.leave_one_out --output runs/leave-one-out --min-statements 200 --epochs 4

What a caller may expect of a source that the model never saw. Each run trains on the training split of all other
sources and on what was written here, and is measured on every annotated statement of the source left out, after its
last epoch: nothing is chosen by it. What nearly repeats one of its statements is not trained on. The same statements go
to the TF-IDF baseline. Sources that sources.json already has are not trained again, so a run that was cut off goes on
where it stopped. --train-share and --epochs make it quicker and say less.
"""

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training import finetune
from training.base import BaseError
from training.baselines import Baseline, TfidfLogistic
from training.config import TrainingConfig
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example, Origin
from training.near_duplicates import without_near_duplicates
from training.program import make_parser
from training.record_sources import RECORD_SOURCES
from training.series import baseline_score, read_points, write_points
from training.splits import Corpus

SOURCES: Final = "sources.json"
MIN_STATEMENTS: Final = 200
"""Below this a source has so few conditional statements that its macro-F1 is a matter of chance."""


def source_name(example: Example) -> str:
    """The source of a statement: its repository, with the folder where a repository holds several sources."""
    for source in RECORD_SOURCES:
        if source.folder and source.repository == example.source and (example.path or "").startswith(source.folder):
            return f"{source.repository}/{source.folder.rstrip('/')}"
    return example.source


def folds(corpus: Corpus, *, min_statements: int) -> dict[str, Corpus]:
    """For each source that is large enough, by name: a corpus that trains on all others and validates on it."""
    record = [
        example
        for example in [*corpus.train, *corpus.validation, *corpus.calibration]
        if example.origin is Origin.RECORD
    ]
    sizes = Counter(map(source_name, record))
    found = {}
    for name in sorted(source for source, n in sizes.items() if n >= min_statements):
        held_out = [example for example in record if source_name(example) == name]
        others = [example for example in corpus.train if source_name(example) != name]
        train = without_near_duplicates(others, of=held_out)
        spoken = [example for example in corpus.spoken if source_name(example) != name]
        found[name] = Corpus(
            train=train,
            validation=held_out,
            calibration=[],
            contrast=[],
            spoken=without_near_duplicates(spoken, of=held_out),
        )
    return found


def means(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean over the sources of the model's macro-F1 and of the baseline's; each source counts the same."""
    return {key: sum(point[key] for point in points) / len(points) for key in ("model", "tfidf_logistic") if points}


def run(
    config: TrainingConfig,
    *,
    output: Path,
    data: Path,
    min_statements: int = MIN_STATEMENTS,
    train: Callable[..., float] = finetune.run,
    make_baseline: Callable[[], Baseline] = TfidfLogistic,
) -> list[dict[str, Any]]:
    """A point for each source; ``train`` has the signature of training.finetune.run.

    Raises: RunError, CorpusError, BaseError.
    """
    output.mkdir(parents=True, exist_ok=True)
    path = output / SOURCES
    points = read_points(path, config)
    for name, corpus in folds(read_corpus(data), min_statements=min_statements).items():
        if any(point["source"] == name for point in points):
            continue
        examples, test = finetune.used_for_training(corpus, config), corpus.validation
        logging.info("without %s: %d statements, measured on %d", name, len(examples), len(test))
        baseline = baseline_score(make_baseline(), train=examples, test=test)
        folder = output / re.sub(r"\W+", "-", name)
        resume = finetune.has_checkpoint(folder)
        score = train(config, output=folder, data=data, resume=resume, corpus=corpus)
        labels = dict(sorted(Counter(str(example.label) for example in test).items()))
        sizes = {"n_train": len(examples), "n_test": len(test), "labels": labels}
        points.append({"source": name, **sizes, "model": score, "tfidf_logistic": baseline})
        write_points(path, config, points=points, measured_on="the source left out", mean=means(points))
    return points


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.leave_one_out", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where sources.json and runs go")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder")
    help_min = f"leave out sources with at least so many statements (default: {MIN_STATEMENTS})"
    parser.add_argument("--min-statements", type=int, default=MIN_STATEMENTS, metavar="N", help=help_min)
    TrainingConfig.add_flags(parser)
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = TrainingConfig.from_flags(flags)
        points = run(config, output=flags.output, data=flags.data, min_statements=flags.min_statements)
    except (finetune.RunError, CorpusError, BaseError) as error:
        print(f"leave_one_out: {error}", file=sys.stderr)
        return 2
    if not points:
        print(f"leave_one_out: no source has {flags.min_statements} statements", file=sys.stderr)
        return 2
    for point in points:
        print(f"{point['source']}: {point['model']:.3f}, TF-IDF {point['tfidf_logistic']:.3f}, n {point['n_test']}")
    mean = means(points)
    print(f"{flags.output / SOURCES}: mean {mean['model']:.3f}, TF-IDF {mean['tfidf_logistic']:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
