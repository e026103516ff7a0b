"""The evaluation report in Markdown, made from the data of report.json alone, so that no figure can differ."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from models.labels import STANCES

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


def number(value: float | None) -> str:
    """A figure with three decimals, or a dash where there was nothing to measure."""
    return "-" if value is None else f"{value:.3f}"


def interval(estimate: Mapping[str, float | None]) -> str:
    """An estimate with its interval, as ``0.675 [0.612, 0.731]``."""
    if estimate["value"] is None:
        return "-"
    return f"{number(estimate['value'])} [{number(estimate['low'])}, {number(estimate['high'])}]"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)


def title_of(name: str) -> str:
    """The heading of a measure, such as ``F1 hostile``."""
    return TITLES.get(name, name.replace("f1_", "F1 "))


def markdown(report: Report, pictures: Mapping[str, str]) -> str:
    """The whole report. ``pictures`` maps titles to file names beside it."""
    sections = [
        head(report),
        headline(report),
        per_class(report),
        seeds(report),
        baselines(report),
        calibration(report),
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
        f"- Data: {data['name']}, {data['n']} statements ({labels}; {origins}), digest `{data['digest'][:12]}`",
        f"- Brackets: 95 % percentile bootstrap intervals, {report['draws']:,} draws of statements.",
    ]
    if data["split"] == "calibration":
        lines.append(
            "- **Warning: the decision rule was fitted on this split, which flatters calibration and coverage.**"
        )
    if data["split"] == "validation":
        lines.append("- **Warning: the epoch was chosen on this split, which flatters every score a little.**")
    if data["n_also_in_training"]:
        lines.append(f"- **Warning: {data['n_also_in_training']} of these texts are also in the training split.**")
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def headline(report: Report) -> str:
    """The measures of the whole."""
    measures = report["measures"]
    rows = [[title, interval(measures[name]), BETTER[name]] for name, title in TITLES.items()]
    pairs = report["pairs"]
    if pairs:
        title = f"Contrast pairs with both right ({pairs['n_pairs']} pairs)"
        rows.append([title, interval(pairs["both_right"]), "higher"])
    return "## Headline\n\n" + table(["measure", "value", "better"], rows)


def per_class(report: Report) -> str:
    """Precision, recall and F1 of each stance."""
    counts, rows = report["confusion"], []
    for index, stance in enumerate(STANCES):
        n, given = sum(counts[index]), sum(row[index] for row in counts)
        precision = counts[index][index] / given if given else None
        recall = counts[index][index] / n if n else None
        f1, coverage = report["measures"][f"f1_{stance}"], report["measures"][f"coverage_{stance}"]
        rows.append([stance, n, number(precision), number(recall), interval(f1), interval(coverage)])
    header = ["stance", "n", "precision", "recall", "F1", "coverage of the prediction set"]
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
    note = "\n\nEverything else in this report is about the first." if len(runs) > 1 else ""
    return "## Seeds\n\n" + table(["artifact", *map(title_of, COMPARED)], rows) + note + warning


def baselines(report: Report) -> str:
    """The baselines beside the model, on the same statements."""
    if not report["baselines"]:
        return ""
    named = {"**this model**": report["measures"], **report["baselines"]}
    rows = [[name, *(interval(measures[measure]) for measure in COMPARED)] for name, measures in named.items()]
    note = f"Fitted on the {report['data']['n_train']:,} statements of the training split, tuned on nothing."
    return f"## Baselines\n\n{note}\n\n" + table(["baseline", *map(title_of, COMPARED)], rows)


def calibration(report: Report) -> str:
    """The bins of the reliability diagram, and what the prediction sets promise."""
    rows = [
        [f"{item['lower']:.2f} to {item['upper']:.2f}", item["n"], number(item["confidence"]), number(item["accuracy"])]
        for item in report["reliability"]
        if item["n"]
    ]
    promise, single = report["model"]["promised_coverage"], report["single_share"]
    note = (
        f"Each stance is promised to be in {promise:.0%} of the prediction sets of its statements, on data like the"
        f" calibration split; measured coverage stands above. {single:.1%} of the sets hold one stance only."
    )
    header = ["top probability", "n", "mean confidence", "accuracy"]
    return f"## Calibration\n\n{note}\n\n" + table(header, rows)


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
    return f"## Engines: {names[0]} against {names[1]}\n\n" + table(["measure", "value"], rows)


def learning_curve(report: Report) -> str:
    """Macro-F1 by the amount of training data."""
    if not report["learning_curve"]:
        return ""
    rows = [
        [f"{point['share']:.1%}", f"{point['n_train']:,}", number(point["model"]), number(point["tfidf_logistic"])]
        for point in report["learning_curve"]["points"]
    ]
    note = "Macro-F1 on the validation split; the model's epoch was chosen on it, one seed."
    header = ["share of the groups", "training statements", "fine-tuned encoder", "TF-IDF + logistic regression"]
    return f"## Learning curve\n\n{note}\n\n" + table(header, rows)


def shown(pictures: Mapping[str, str]) -> str:
    """The pictures, each under its title."""
    return "## Pictures\n\n" + "\n\n".join(f"![{title}]({name})" for title, name in pictures.items())
