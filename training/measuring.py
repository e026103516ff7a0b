"""What training.evaluate measures of one classifier, of several seeds, of baselines and of two engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from models.classifier import StanceClassifier
from models.decision import FloatArray
from models.labels import STANCES
from training import intervals, metrics, slices
from training.baselines import Baseline
from training.examples import Example
from training.metrics import BoolArray, IntVector

N_MISTAKES: Final = 15
MAX_CURVE_POINTS: Final = 200
N_ALONE: Final = 500
"""Statements that are sent one by one to see whether neighbours in a batch matter; more would only take longer."""
N_AT_ONCE: Final = 256
"""Statements between two steps of the progress bar; the classifier makes its own batches of them."""
SUMMARISED: Final = ("accuracy", "macro_f1", *(f"f1_{stance}" for stance in STANCES), "ece", "brier")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a classifier said of N statements."""

    labels: IntVector  # [N]
    probabilities: FloatArray  # [N, L]
    members: BoolArray  # [N, L]
    lengths: tuple[int, ...]  # N, in tokens

    @property
    def predicted(self) -> IntVector:
        """The most probable stance of each. Shapes: [N]."""
        predicted: IntVector = self.probabilities.argmax(axis=1)
        return predicted


def labels_of(examples: Sequence[Example]) -> IntVector:
    """The gold labels as indices of STANCES. Shapes: [N]."""
    return np.array([STANCES.index(example.label) for example in examples])


def ask(classifier: StanceClassifier, examples: Sequence[Example]) -> Answers:
    """The classifier's answers. Raises: ParleyError."""
    encodings = classifier.encoder.encode([example.text or "" for example in examples])
    steps = range(0, len(encodings), N_AT_ONCE)
    progress = tqdm(steps, desc=classifier.artifact.manifest.model_id, unit="step", disable=None)
    logits = np.concatenate([classifier.logits(encodings[start : start + N_AT_ONCE]) for start in progress])
    decision = classifier.artifact.decision
    probabilities = decision.probabilities(logits)
    lengths = tuple(encoding.n_tokens for encoding in encodings)
    return Answers(labels_of(examples), probabilities, decision.prediction_sets(probabilities), lengths)


def measure(answers: Answers, examples: Sequence[Example], *, draws: int) -> dict[str, Any]:
    """Everything that is said in detail about one classifier."""
    labels, predicted, probabilities = answers.labels, answers.predicted, answers.probabilities
    statistics = intervals.headline(labels, probabilities, members=answers.members)
    sets = metrics.conformal_coverage(labels, answers.members)
    parts = slices.slices(examples, answers.lengths)
    return {
        "measures": intervals.bootstrap(statistics, len(labels), draws=draws),
        "single_share": sets.single_share,
        "confusion": metrics.confusion(labels, predicted).tolist(),
        "reliability": metrics.ece(labels, probabilities)[1],
        "risk_coverage": {"model": curve(labels, probabilities)},
        "slices": slices.measure_slices(parts, labels=labels, predicted=predicted, draws=draws),
        "pairs": slices.measure_pairs(examples, labels=labels, predicted=predicted, draws=draws),
        "mistakes": mistakes(answers, examples),
    }


def curve(labels: IntVector, probabilities: FloatArray) -> dict[str, list[float]]:
    """The risk-coverage curve in at most MAX_CURVE_POINTS points. Shapes: [N], [N, L]."""
    found = metrics.risk_coverage(labels, probabilities)
    kept = np.unique(np.linspace(0, len(found.risk) - 1, MAX_CURVE_POINTS).round().astype(int))
    return {"coverage": found.coverage[kept].tolist(), "risk": found.risk[kept].tolist()}


def mistakes(answers: Answers, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """The most confident mistakes, by id, without a word of their texts."""
    confidence = answers.probabilities.max(axis=1)
    wrong = np.flatnonzero(answers.predicted != answers.labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:N_MISTAKES]
    return [
        {
            "id": examples[row].id,
            "label": str(examples[row].label),
            "predicted": str(STANCES[answers.predicted[row]]),
            "confidence": float(confidence[row]),
            "rules": list(examples[row].rules),
        }
        for row in surest
    ]


def describe_model(classifier: StanceClassifier, path: Path) -> dict[str, Any]:
    """Which model answered, and through what."""
    manifest, decision = classifier.artifact.manifest, classifier.artifact.decision
    return {
        "artifact": str(path),
        "id": manifest.model_id,
        "digest": manifest.digest,
        "seed": manifest.training.get("seed"),
        "engine": classifier.engine.info,
        "temperature": decision.temperature,
        "promised_coverage": decision.coverage,
    }


def summarise(runs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Mean, standard deviation (of a sample; None for one run), least and greatest of each measure over the seeds."""
    summary: dict[str, dict[str, float | None]] = {}
    for name in SUMMARISED:
        values = np.array([run[name] for run in runs])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else None
        spread = {"min": float(values.min()), "max": float(values.max())}
        summary[name] = {"mean": float(values.mean()), "deviation": deviation, **spread}
    return summary


def measure_seeds(models: Sequence[Mapping[str, Any]], answers: Sequence[Answers]) -> dict[str, Any]:
    """The headline of each described model, and their mean and spread."""
    runs = []
    for model, given in zip(models, answers, strict=True):
        statistics = intervals.headline(given.labels, given.probabilities)
        values = {name: float(column[0]) for name, column in statistics(np.ones((1, len(given.labels)))).items()}
        runs.append({**{key: model[key] for key in ("artifact", "id", "seed")}, **values})
    return {"runs": runs, "summary": summarise(runs)}


def measure_baselines(
    baselines: Mapping[str, Baseline], *, train: Sequence[Example], examples: Sequence[Example], draws: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures and risk-coverage curves of each baseline, fitted on ``train``, on the same examples."""
    labels, texts = labels_of(examples), [example.text or "" for example in examples]
    measures, curves = {}, {}
    for name, baseline in tqdm(baselines.items(), desc="baselines", disable=None):
        baseline.fit(train)
        probabilities = baseline.probabilities(texts)
        measures[name] = intervals.bootstrap(intervals.headline(labels, probabilities), len(labels), draws=draws)
        curves[name] = curve(labels, probabilities)
    return measures, curves


def compare_engines(
    served: StanceClassifier, reference: StanceClassifier, *, examples: Sequence[Example]
) -> dict[str, Any]:
    """How far the served engine is from the reference on the same weights and the same decision rule."""
    ours, theirs = ask(served, examples), ask(reference, examples)
    change = np.abs(ours.probabilities - theirs.probabilities)
    scores = [metrics.macro_f1(answers.labels, answers.predicted) for answers in (ours, theirs)]
    return {
        "engines": [served.engine.info, reference.engine.info],
        "label_agreement": float((ours.predicted == theirs.predicted).mean()),
        "macro_f1": scores,
        "macro_f1_difference": scores[0] - scores[1],
        "mean_change": float(change.mean()),
        "max_change": float(change.max()),
    }


def neighbour_dependence(classifier: StanceClassifier, examples: Sequence[Example]) -> dict[str, Any]:
    """How much a probability changes when a text is sent alone and not in a batch."""
    encodings = classifier.encoder.encode([example.text or "" for example in examples[:N_ALONE]])
    decide = classifier.artifact.decision.probabilities
    together = decide(classifier.logits(encodings))
    progress = tqdm(encodings, desc="one by one", unit="text", disable=None)
    alone = decide(np.concatenate([classifier.logits([encoding]) for encoding in progress]))
    flips = int((together.argmax(axis=1) != alone.argmax(axis=1)).sum())
    return {"n": len(encodings), "max_change": float(np.abs(together - alone).max()), "labels_changed": flips}
