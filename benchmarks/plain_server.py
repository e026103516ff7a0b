"""What anybody would write first: FastAPI around transformers.pipeline on the same checkpoint; the side to compare.

    python -m benchmarks.plain_server models/stance-minilm --port 8100 [--style async]

The pipeline is told to compute in float32: the artifact keeps its weights in float16, in which a CPU would be slow, and
the comparison unfair.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline


class Statement(BaseModel):
    """One statement to classify."""

    text: str


class Statements(BaseModel):
    """Several statements to classify."""

    texts: list[str]


def create_app(model: Path, *, style: str) -> FastAPI:
    """A server with one route; its handler blocks a pool thread (``style`` def) or the event loop (async)."""
    classify = pipeline(
        "text-classification",
        model=str(model),
        dtype=torch.float32,
        device=-1,
        top_k=None,
        truncation=True,
        max_length=256,
    )
    app = FastAPI()

    @app.post("/classify/batch")
    def several(statements: Statements) -> Any:
        """Classify several statements in one call of the pipeline."""
        return classify(statements.texts, batch_size=32)

    if style == "def":

        @app.post("/classify")
        def in_thread(statement: Statement) -> Any:
            """Classify one statement."""
            return classify(statement.text)
    else:

        @app.post("/classify")
        async def in_loop(statement: Statement) -> Any:
            """Classify one statement."""
            return classify(statement.text)

    @app.get("/health/ready")
    def ready() -> str:
        """Say that the server is up."""
        return "ready"

    return app


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--style", choices=("def", "async"), default="def")
    flags = parser.parse_args()
    uvicorn.run(create_app(flags.model, style=flags.style), port=flags.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
