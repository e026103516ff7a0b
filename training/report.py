"""The evaluation report in Markdown, made from the data of report.json alone, so that no figure can differ."""

from collections.abc import Mapping
from typing import Any, Final

from models.labels import STANCES
from training import spans
from training.tables import interval, number, table, weights_of

Report = Mapping[str, Any]

TITLES: Final[Mapping[str, str]] = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "ece": "Calibration error (ECE, 15 bins)",
    "brier": "Brier score (0 to 2)",
    "risk_coverage_area": "Area under risk-coverage",
    "coverage": "Prediction sets: coverage",
    "mean_set_size": "Prediction sets: mean size",
}
BETTER: Final[Mapping[str, str]] = {
    **{"accuracy": "higher", "macro_f1": "higher", "ece": "lower", "brier": "lower"},
    **{"risk_coverage_area": "lower", "coverage": "at the promise or above", "mean_set_size": "lower"},
}
COMPARED: Final = ("accuracy", "macro_f1", *(f"f1_{stance}" for stance in STANCES), "ece", "brier")


def title_of(name: str) -> str:
    """The heading of a measure, such as ``F1 hostile``."""
    return TITLES.get(name, name.replace("f1_", "F1 "))


def markdown(report: Report, pictures: Mapping[str, str]) -> str:
    """The whole report. ``pictures`` maps titles to file names beside it."""
    sections = [
        head(report),
        headline(report),
        overlap(report),
        detail(report),
        per_class(report),
        seeds(report),
        baselines(report),
        pairs(report),
        spans.section(report),
        calibration(report),
        prediction_sets(report),
        part_by_part(report),
        confusion(report),
        mistakes(report),
        engines(report),
        learning_curve(report),
        shown(pictures),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def head(report: Report) -> str:
    """What was measured, on what, and what a reader must know before believing it."""
    data, model, engine = report["data"], report["model"], report["model"]["engine"]
    labels = ", ".join(f"{n} {name}" for name, n in data["labels"].items())
    origins = ", ".join(f"{n} {name}" for name, n in data["origins"].items())
    lines = [
        f"# Evaluation of {model['id']}",
        f"- Model: `{model['artifact']}`, digest `{model['digest'][:12]}`, {engine['name']} {engine['precision']}"
        f" on {engine['device']}, temperature {number(model['temperature'])}",
        f"- Weights, by sha256: {weights_of(model)}; the digest is over all files, the card too",
        f"- Data: {data['name']}, {data['n']} statements ({labels}; {origins}), digest `{data['digest'][:12]}`",
        f"- Brackets: 95 % percentile bootstrap intervals, {report['draws']:,} draws of statements.",
    ]
    if data["split"] == "calibration":
        lines.append(
            "- **Warning: the decision rule was fitted on this split, which flatters calibration and coverage.**"
        )
    if data["split"] == "validation":
        lines.append(
            "- **Warning: of several runs the one that is best on this split is exported, which flatters it a little.**"
        )
    if data["n_of_dev"]:
        lines.append(
            "- **The recipe was chosen on the dev set, from which these statements are: that flatters a little.**"
        )
    training = report["training"] or {"n_also_in_training": 0, "same_data": True}
    if training["n_also_in_training"]:
        lines.append(f"- **Warning: {training['n_also_in_training']} of these texts are also in the training split.**")
    if not training["same_data"]:
        others = ", ".join(f"`{path}`" for path in training["trained_on_other_data"])
        lines.append(
            f"- **Warning: not the same training data. The baselines learnt from digest `{training['digest'][:12]}`,"
            f" which is not what these were trained on: {others}. Comparisons and overlaps may be off.**"
        )
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def headline(report: Report) -> str:
    """What is claimed of the recipe: the mean of its seeds, and how far it is above each baseline."""
    claim, n_seeds = report["claim"], len(report["seeds"]["runs"])
    parts = [part for part in (claim["all"], claim["unseen"]) if part]
    names = [
        f"all {parts[0]['n']} statements",
        *(f"the {part['n']} of documents unseen in training" for part in parts[1:]),
    ]
    rows = [["**macro-F1**", *(f"**{interval(part['macro_f1'])}**" for part in parts)]]
    rows += [
        [f"macro-F1 above `{name}`", *(interval(part["above"][name]) for part in parts)] for name in parts[0]["above"]
    ]
    rows += [[f"F1 {stance}", *(interval(part[f"f1_{stance}"]) for part in parts)] for stance in STANCES]
    note = (
        f"{f'Mean of {n_seeds} seeds' if n_seeds > 1 else 'One seed'}. Intervals are about other statements, not other"
        " seeds, whose spread stands under Seeds. Differences are paired: both sides are scored on the same draw."
    )
    return f"## Headline\n\n{note}\n\n" + table(["measure", *names], rows)


def overlap(report: Report) -> str:
    """In words, how far the statements are of documents that the training data draw on too."""
    found, n = report["training"], report["data"]["n"]
    if not found:
        return ""
    if not found["n_groups_also_in_training"]:
        return "No document or setting of these statements is in the training data."
    return (
        f"**Not disjoint from training by document:** {found['n_statements_of_these_groups']} of the {n} statements are"
        f" of documents (or settings) from which training has other statements: {found['n_groups_also_in_training']} of"
        f" {found['n_groups']} documents. For text of new documents, the column of those unseen is the fair one; see"
        " also the slices by document."
    )


def detail(report: Report) -> str:
    """The measures of the first artifact as a whole."""
    measures = report["measures"]
    rows = [[title, interval(measures[name]), BETTER[name]] for name, title in TITLES.items()]
    return f"## The first artifact: `{report['model']['artifact']}`\n\n" + table(["measure", "value", "better"], rows)


def per_class(report: Report) -> str:
    """Precision, recall and F1 of each stance."""
    counts, rows = report["confusion"], []
    for index, stance in enumerate(STANCES):
        n, given = sum(counts[index]), sum(row[index] for row in counts)
        precision = counts[index][index] / given if given else None
        recall = counts[index][index] / n if n else None
        rows.append([stance, n, number(precision), number(recall), interval(report["measures"][f"f1_{stance}"])])
    header = ["stance", "n", "precision", "recall", "F1"]
    return "## Each stance\n\n" + table(header, rows)


def seeds(report: Report) -> str:
    """Each seed, their mean and their spread."""
    runs, summary = report["seeds"]["runs"], report["seeds"]["summary"]
    rows = [[f"`{run['artifact']}` (seed {run['seed']})", *(number(run[name]) for name in COMPARED)] for run in runs]
    keys = {"**mean**": "mean", "standard deviation": "deviation", "least": "min", "greatest": "max"}
    for title, key in keys.items():
        rows.append([title, *(number(summary[name][key]) for name in COMPARED)])
    missing = f"\n\n**Only {len(runs)} of the three seeds that a claim about a recipe needs.**"
    warning = missing if len(runs) < 3 else ""
    note = (
        "\n\nHeadline and contrast pairs are means of all; everything else is about the first." if len(runs) > 1 else ""
    )
    return "## Seeds\n\n" + table(["artifact", *map(title_of, COMPARED)], rows) + note + warning


def baselines(report: Report) -> str:
    """The baselines beside the model, on the same statements."""
    if not report["baselines"]:
        return ""
    named = {"**this model**": report["measures"], **report["baselines"]}
    rows = [[name, *(interval(measures[measure]) for measure in COMPARED)] for name, measures in named.items()]
    same = "the model's training data" if report["training"]["same_data"] else "**not the model's training data**"
    note = f"Fitted on {report['training']['n']:,} statements, {same}; tuned on nothing."
    return f"## Baselines\n\n{note}\n\n" + table(["baseline", *map(title_of, COMPARED)], rows)


def calibration(report: Report) -> str:
    """The bins of the reliability diagram."""
    rows = [
        [f"{item['lower']:.2f} to {item['upper']:.2f}", item["n"], number(item["confidence"]), number(item["accuracy"])]
        for item in report["reliability"]
        if item["n"]
    ]
    return "## Calibration\n\n" + table(["top probability", "n", "mean confidence", "accuracy"], rows)


def prediction_sets(report: Report) -> str:
    """Measured coverage of each stance beside the statements that its floor stands on."""
    model, training, measures = report["model"], report["training"], report["measures"]
    rows = []
    for stance in STANCES:
        counts = [
            training[f"labels_of_{split}"][stance] if training else "-" for split in ("calibration", "validation")
        ]
        n, floor = report["data"]["labels"][stance], number(model["floors"][stance])
        rows.append([stance, *counts, floor, n, interval(measures[f"coverage_{stance}"])])
    note = (
        f"Each stance is promised to be in {model['promised_coverage']:.0%} of the prediction sets of its statements,"
        " on data like the calibration split. A floor from few statements is loose: the promise holds on average over"
        " such splits, and any one may miss it by some points."
        f" {report['single_share']:.1%} of the sets hold one stance only."
    )
    header = ["stance", "n calibration", "n validation", "floor", "n measured", "measured coverage"]
    return f"## Prediction sets\n\n{note}\n\n" + table(header, rows)


def pairs(report: Report) -> str:
    """The share of contrast pairs with both members right, overall and by rule, of the model and each baseline."""
    found = report["pairs"]
    if not found:
        return ""
    lines = [("**all**", found), *((entry["rule"], entry) for entry in found["rules"])]
    rows = [
        [rule, entry["n_pairs"], *(interval(share) for share in entry["both_right"].values())] for rule, entry in lines
    ]
    note = (
        "Share of the pairs with both members right; of the model, the mean over the seeds. The members of a pair"
        " differ in little but their stance. A pair with several rules counts in each; under 30 pairs, lean on no"
        " figure."
    )
    return f"## Contrast pairs\n\n{note}\n\n" + table(["rule", "pairs", *found["both_right"]], rows)


def part_by_part(report: Report) -> str:
    """Every kind of slice in a table of its own."""
    note = (
        "Macro-F1 is over the stances that occur in the slice. (!) marks fewer than 30 statements: too few to lean on."
        " A statement with several rules counts in each."
    )
    parts = [f"## Slices\n\n{note}"]
    for kind, entries in report["slices"].items():
        rows = [
            [
                f"{entry['value']}{' (!)' if entry['small'] else ''}",
                *(entry["n"], len(entry["stances"]), interval(entry["accuracy"]), interval(entry["macro_f1"])),
            ]
            for entry in entries
        ]
        parts.append(f"### By {kind}\n\n" + table([kind, "n", "stances", "accuracy", "macro-F1"], rows))
    return "\n\n".join(parts)


def confusion(report: Report) -> str:
    """Counts of annotated against predicted stances."""
    rows = [[f"**{stance}**", *counts] for stance, counts in zip(STANCES, report["confusion"], strict=True)]
    return "## Confusion\n\n" + table(["annotated, down; predicted, across", *STANCES], rows)


def mistakes(report: Report) -> str:
    """The most confident mistakes, by id."""
    if not report["mistakes"]:
        return "## Most confident mistakes\n\nNone."
    rows = [
        [f"`{row['id']}`", row["label"], row["predicted"], number(row["confidence"]), ", ".join(row["rules"]) or "-"]
        for row in report["mistakes"]
    ]
    note = "By id only: the texts of the public record are not ours to publish."
    header = ["id", "annotated", "predicted", "confidence", "rules"]
    return f"## Most confident mistakes\n\n{note}\n\n" + table(header, rows)


def engines(report: Report) -> str:
    """How far two engines are apart, and whether a text's neighbours matter."""
    found, neighbours = report["engines"], report["neighbours"]
    if not found:
        return ""
    names = [f"{engine['name']} {engine['precision']} ({engine['device']})" for engine in found["engines"]]
    rows = [
        ["labels agree", f"{found['label_agreement']:.1%}"],
        *([f"macro-F1, {name}", number(score)] for name, score in zip(names, found["macro_f1"], strict=True)),
        ["difference of macro-F1", f"{found['macro_f1_difference']:+.3f}"],
        ["mean change of a probability", f"{found['mean_change']:.4f}"],
        ["greatest change of a probability", f"{found['max_change']:.4f}"],
        [f"alone or in a batch ({neighbours['n']} texts): greatest change", f"{neighbours['max_change']:.6f}"],
        ["alone or in a batch: labels changed", neighbours["labels_changed"]],
    ]
    reference = found["engines"][1]
    note = (
        f"The reference is torch in {reference['precision']} on {reference['device']}, on the half-precision weights"
        " that the artifact holds: float32 is the arithmetic, not the weights."
    )
    if (reference["precision"], reference["device"]) != ("float32", "cpu"):
        note += " **Not the reference in float32 on a CPU: run again with the GPU hidden (CUDA_VISIBLE_DEVICES=-1).**"
    return f"## Engines: {names[0]} against {names[1]}\n\n{note}\n\n" + table(["measure", "value"], rows)


def learning_curve(report: Report) -> str:
    """Macro-F1 by the amount of training data."""
    if not report["learning_curve"]:
        return ""
    rows = [
        [f"{point['share']:.1%}", f"{point['n_train']:,}", number(point["model"]), number(point["tfidf_logistic"])]
        for point in report["learning_curve"]["points"]
    ]
    note = "Macro-F1 on the validation split, after the last epoch; one seed."
    header = ["share of the groups", "training statements", "fine-tuned encoder", "TF-IDF + logistic regression"]
    return f"## Learning curve\n\n{note}\n\n" + table(header, rows)


def shown(pictures: Mapping[str, str]) -> str:
    """The pictures, each under its title."""
    return "## Pictures\n\n" + "\n\n".join(f"![{title}]({name})" for title, name in pictures.items())
