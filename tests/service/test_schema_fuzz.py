"""R15 in short: what schemathesis makes of the OpenAPI document, all its checks on. `make proof` does more of it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings

N_EXAMPLES = 8
"""For each operation and phase: a few hundred requests in all."""


def test_r15_no_request_made_from_the_document_breaks_it(
    root: Path, tmp_path: Path, classifier: Any, live_server: Callable[..., Any]
) -> None:
    """No request that the document allows or forbids gets a 5xx, or an answer that the document does not describe."""
    app = create_app(Settings(feedback=tmp_path / "feedback.sqlite"), classifier)
    with live_server(app) as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(root / "benchmarks" / "schemathesis.toml"), "--no-color", "run"),
                *("--checks", "all", "--max-examples", str(N_EXAMPLES), "--seed", "1", "--continue-on-failure"),
                f"http://127.0.0.1:{server.port}/openapi.json",
            ],
            cwd=tmp_path,  # it keeps its examples where it runs
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
        assert server.get("/health/ready").status_code == 200
