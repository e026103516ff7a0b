"""The promises R1 to R17 that take minutes to prove, on the real service with the released model, over loopback.

    python -m benchmarks.proof --output runs/proof.json              everything: about a quarter of an hour
    python -m benchmarks.proof --only overload --overload-seconds 20

Prints a table and ends with 1 when a promise was not held. The others are proved by tests: docs/proofs.md lists both.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks import proof_answers, proof_bodies, proof_inputs, proof_lifecycle, proof_overload, proof_soak
from benchmarks.proving import Finding, Plan, ProofError, table
from training.corpus import WRITTEN
from training.examples import DATA, read_examples

RELEASED: Final = Path("models/stance-minilm")
PROOFS: Final[dict[str, Callable[[Plan, Sequence[str]], list[Finding]]]] = {
    "lifecycle": proof_lifecycle.prove,
    "overload": proof_overload.prove,
    "bodies": proof_bodies.prove,
    "answers": proof_answers.prove,
    "inputs": proof_inputs.prove,
    "soak": proof_soak.prove,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status: 0 when every promise was held."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=RELEASED, help="artifact to serve")
    parser.add_argument("--only", nargs="+", choices=PROOFS, default=list(PROOFS), help="proofs to carry out")
    parser.add_argument("--overload-seconds", type=float, default=60, help="length of each overload (R6)")
    parser.add_argument("--shared-cores", action="store_true", help="overload (R6) from the service's own cores")
    parser.add_argument("--soak-seconds", type=float, default=180, help="length of the soak (R17)")
    parser.add_argument("--fuzz-examples", type=int, default=100, help="examples for each operation (R15)")
    parser.add_argument("--output", type=Path, help="where to write the findings as JSON")
    flags = parser.parse_args(arguments)
    plan = Plan(flags.model, flags.overload_seconds, flags.shared_cores, flags.soak_seconds, flags.fuzz_examples)
    texts = [example.text or "" for example in read_examples(DATA / WRITTEN)]
    findings: list[Finding] = []
    for name in flags.only:
        print(f"{name} ...", file=sys.stderr)
        try:
            findings += PROOFS[name](plan, texts)
        except ProofError as error:
            findings.append(Finding(name, "the proof could not be carried out", str(error), passed=False))
    print(f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {time.strftime('%Y-%m-%d')}\n")
    print(table(findings))
    if flags.output:
        flags.output.parent.mkdir(parents=True, exist_ok=True)
        figures = {"cpu": _processor(), "date": time.strftime("%Y-%m-%d"), "findings": [asdict(f) for f in findings]}
        flags.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(finding.passed for finding in findings) else 1


def _processor() -> str:
    """What the machine calls its processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    raise SystemExit(main())
