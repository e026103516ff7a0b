"""What training.evaluate measures of one classifier, of several seeds, of baselines and of two engines."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from models.artifact import OPENVINO_WEIGHTS
from models.classifier import StanceClassifier
from models.conditions import ConditionSpan, find_conditions
from models.decision import FloatArray
from models.labels import STANCES
from training import base, intervals, metrics, slices, spans
from training.baselines import Baseline
from training.examples import Example, labels_of
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
    spans: tuple[tuple[ConditionSpan, ...], ...]  # N, found whatever the stance

    @property
    def predicted(self) -> IntVector:
        """The most probable stance of each. Shapes: [N]."""
        predicted: IntVector = self.probabilities.argmax(axis=1)
        return predicted


def ask(classifier: StanceClassifier, examples: Sequence[Example]) -> Answers:
    """The classifier's answers. Raises: ParleyError."""
    encodings = classifier.encoder.encode([example.text or "" for example in examples])
    steps = range(0, len(encodings), N_AT_ONCE)
    progress = tqdm(steps, desc=classifier.artifact.manifest.model_id, unit="step", disable=None)
    passes = [classifier.forward(encodings[start : start + N_AT_ONCE]) for start in progress]
    decision = classifier.artifact.decision
    probabilities = decision.probabilities(np.concatenate([logits for logits, _ in passes]))
    tokens = [rows for _, given in passes for rows in given]
    found = tuple(
        find_conditions(rows, encoding.offsets, text=encoding.text)
        for rows, encoding in zip(tokens, encodings, strict=True)
    )
    lengths = tuple(encoding.n_tokens for encoding in encodings)
    return Answers(labels_of(examples), probabilities, decision.prediction_sets(probabilities), lengths, found)


def probabilities_of(classifier: StanceClassifier, texts: Sequence[str]) -> FloatArray:
    """The classifier's calibrated probabilities. Shapes: N texts -> [N, L]. Raises: ParleyError."""
    found = np.zeros((len(texts), len(STANCES)))
    for start in tqdm(range(0, len(texts), N_AT_ONCE), desc="asking", unit="step", disable=None):
        encodings = classifier.encoder.encode(texts[start : start + N_AT_ONCE])
        found[start : start + N_AT_ONCE] = classifier.artifact.decision.probabilities(classifier.logits(encodings))
    return found


def measure(
    answers: Answers, examples: Sequence[Example], *, trained_groups: Collection[str] | None, draws: int
) -> dict[str, Any]:
    """Everything that is said in detail about one classifier."""
    labels, predicted, probabilities = answers.labels, answers.predicted, answers.probabilities
    statistics = intervals.headline(labels, probabilities, members=answers.members)
    sets = metrics.conformal_coverage(labels, answers.members)
    parts = slices.slices(examples, answers.lengths, trained_groups=trained_groups)
    return {
        "measures": intervals.bootstrap(statistics, len(labels), draws=draws),
        "single_share": sets.single_share,
        "confusion": metrics.confusion(labels, predicted).tolist(),
        "reliability": metrics.ece(labels, probabilities)[1],
        "risk_coverage": {"model": curve(labels, probabilities)},
        "conditions": spans.measure(examples, answers.spans, predicted=predicted, draws=draws),
        "slices": slices.measure_slices(parts, labels=labels, predicted=predicted, draws=draws),
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
        "weights": {
            path: sha256 for path, sha256 in manifest.files.items() if path in (OPENVINO_WEIGHTS, base.WEIGHTS)
        },
        "seed": manifest.training.get("seed"),
        "engine": classifier.engine.info,
        "temperature": decision.temperature,
        "floors": dict(zip(map(str, STANCES), decision.floors, strict=True)),
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


def measure_recipe(
    answers: Sequence[Answers],
    examples: Sequence[Example],
    *,
    baselines: Mapping[str, FloatArray],
    trained_groups: Collection[str] | None,
    draws: int,
) -> dict[str, Any]:
    """What is said of all seeds together and of the baselines, by their probabilities. Shapes: [N, L] each.

    The claim is made on all examples, and again on those whose document or setting the training examples do not touch.
    """
    labels, seeds = answers[0].labels, [given.predicted for given in answers]
    chosen = {name: probabilities.argmax(axis=1) for name, probabilities in baselines.items()}
    unseen = [row for row, example in enumerate(examples) if example.group not in (trained_groups or ())]

    def claim(rows: Sequence[int]) -> dict[str, Any]:
        own = {name: predicted[rows] for name, predicted in chosen.items()}
        scores, differences = intervals.of_claim(labels[rows], [given[rows] for given in seeds], baselines=own)
        estimates = intervals.bootstrap(scores, len(rows), draws=draws)
        return {"n": len(rows), **estimates, "above": intervals.bootstrap(differences, len(rows), draws=draws)}

    some = 0 < len(unseen) < len(labels)
    systems = {"model": seeds, **{name: [predicted] for name, predicted in chosen.items()}}
    return {
        "claim": {"all": claim(range(len(labels))), "unseen": claim(unseen) if some else None},
        "baselines": measure_baselines(baselines, labels, draws=draws) or None,
        "pairs": slices.measure_pairs(examples, labels=labels, predicted=systems, draws=draws),
    }


def ask_baselines(
    baselines: Mapping[str, Baseline], *, train: Sequence[Example], examples: Sequence[Example]
) -> dict[str, FloatArray]:
    """The probabilities of each baseline, fitted on ``train``, for the examples. Shapes: [N, L] each."""
    texts, found = [example.text or "" for example in examples], {}
    for name, baseline in tqdm(baselines.items(), desc="baselines", disable=None):
        baseline.fit(train)
        found[name] = baseline.probabilities(texts)
    return found


def measure_baselines(given: Mapping[str, FloatArray], labels: IntVector, *, draws: int) -> dict[str, Any]:
    """The measures of each baseline's probabilities. Shapes: [N, L] each, labels [N]."""
    return {
        name: intervals.bootstrap(intervals.headline(labels, probabilities), len(labels), draws=draws)
        for name, probabilities in given.items()
    }


def compare_engines(
    served: StanceClassifier, reference: StanceClassifier, *, examples: Sequence[Example]
) -> dict[str, Any]:
    """How far the served engine is from the reference, with the same decision rule.

    The reference computes in float32 where there is no GPU, on the half-precision weights that an artifact holds.
    """
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
