"""docs/proofs.md: every promise has a proof that is there, and the proof program's verdict follows its findings."""

import re
from pathlib import Path

import pytest

from benchmarks import proof
from benchmarks.proving import Finding, ProofError, table

PROMISES = [f"R{number}" for number in range(1, 18)]


@pytest.fixture
def rows(root: Path) -> dict[str, str]:
    """The lines of the table of promises, by promise."""
    text = (root / "docs" / "proofs.md").read_text(encoding="utf-8").partition("\n### ")[0]
    return {found[1]: found[0] for found in re.finditer(r"^\| (R\d+) \|.*$", text, re.MULTILINE)}


def test_every_promise_has_a_proof_that_exists(rows: dict[str, str], root: Path) -> None:
    """R1 to R17 are listed in order, each with a file at least, and tests named after a promise are in that file."""
    assert list(rows) == PROMISES
    for promise, row in rows.items():
        files = [root / path for path in re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)`", row)]
        assert files, promise
        assert [path for path in files if not path.is_file()] == []
        for path, prefix in re.findall(r"`([\w/]+\.py)` \(`(test_r\d+_)\.\.\.`\)", row):
            assert prefix == f"test_{promise.lower()}_"
            assert f"def {prefix}" in (root / path).read_text(encoding="utf-8")


def test_the_verdict_follows_the_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The program ends with 0 when all promises were held, with 1 when one was not or could not be tried."""

    def impossible(*_: object) -> list[Finding]:
        raise ProofError("no service")

    held = Finding("R0", "nothing", "0", passed=True)
    broken = Finding("R0", "nothing", "1", passed=False)
    for found, status in (([held], 0), ([held, broken], 1)):
        monkeypatch.setattr(proof, "PROOFS", {"one": lambda *_, found=found: found})
        output = tmp_path / "proof.json"
        assert proof.main(["--output", str(output)]) == status
        assert table(found) in capsys.readouterr().out
        assert '"passed": true' in output.read_text(encoding="utf-8")
    monkeypatch.setattr(proof, "PROOFS", {"one": impossible})
    assert proof.main([]) == 1
    assert "no service" in capsys.readouterr().out
