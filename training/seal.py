"""Seal an artifact again after its model card was edited, and enter measured scores into its manifest.

    python -m training.seal models/stance-minilm
    python -m training.seal models/stance-minilm --scores runs/report/report.json runs/contrast/report.json

Only the card may differ from the manifest: a changed model needs an export of its own. Scores are taken from reports of
training.evaluate about this very artifact, so measure first and edit the card afterwards.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from models import artifact as artifacts
from models.artifact import Manifest
from models.errors import ArtifactCorrupt, ParleyError
from models.labels import STANCES
from training.program import make_parser

MEASURES: Final = ("macro_f1", "accuracy", *(f"f1_{stance}" for stance in STANCES), "ece")
"""What a manifest says of a report's measures, each with its interval; over seeds the mean and deviation of these."""


class ScoresError(Exception):
    """Raised when a report cannot be used for an artifact; the message says why."""


def read_scores(path: Path, manifest: Manifest) -> dict[str, Any]:
    """The scores of one report, under the name of what was measured on. Raises: ScoresError."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        data, measured, seeds = report["data"], report["model"]["digest"], report.get("seeds") or {"runs": []}
        scores = {"n": data["n"], "digest": data["digest"], **{name: report["measures"][name] for name in MEASURES}}
        if len(seeds["runs"]) > 1:
            scores["seeds"] = {"n": len(seeds["runs"]), **_means(seeds["summary"])}
        name = str(data["name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoresError(f"{path}: not a report of training.evaluate: {type(error).__name__}: {error}") from error
    if measured != manifest.digest:
        raise ScoresError(f"{path}: measured another artifact ({measured[:12]}, this is {manifest.digest[:12]})")
    return {name: scores}


def _means(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {key: summary[name][key] for key in ("mean", "deviation")} for name in MEASURES}


def seal(path: Path, reports: Sequence[Path] = ()) -> Manifest:
    """Seal the artifact again, with the scores of the reports beside those that it has; returns its manifest.

    Raises: ArtifactError when anything but the card differs from the manifest, ScoresError.
    """
    manifest = artifacts.read_manifest(path)
    actual = artifacts.hash_files(path)
    named = {file for file in actual.keys() | manifest.files.keys() if actual.get(file) != manifest.files.get(file)}
    if changed := sorted(named - {artifacts.CARD}):
        raise ArtifactCorrupt(f"{path}: {', '.join(changed)}: not as in the manifest; only {artifacts.CARD} may change")
    scores = dict(manifest.scores)
    for report in reports:
        scores.update(read_scores(report, manifest))
    return artifacts.seal(path, replace(manifest, scores=scores))


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.seal", __doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="the model directory")
    parser.add_argument(
        "--scores", type=Path, nargs="+", default=[], metavar="FILE", help="report.json of training.evaluate"
    )
    flags = parser.parse_args(arguments)
    try:
        manifest = seal(flags.artifact, flags.scores)
    except (ScoresError, ParleyError) as error:
        print(f"seal: {error}", file=sys.stderr)
        return 2
    measured = ", ".join(manifest.scores) or "nothing"
    print(f"{flags.artifact}: {manifest.model_id}, digest {manifest.digest[:12]}; scores on {measured}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
