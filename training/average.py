"""Average the weights of runs that differ in nothing but their seed, and write the result as one run more.

    python -m training.average --checkpoint runs/seed-0 runs/seed-1 runs/seed-2 --output runs/average

One model comes out, as fast as any of them. Its validation macro-F1 is measured and recorded, so that training.export,
given all runs, takes it only where it is the best. Source: Wortsman et al. 2022, "Model soups", the uniform
one; what it gave here is in docs/log.md, "Averaging seeds".
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.artifact import TOKENIZER
from models.classifier import MAX_BATCH, MAX_PADDED_TOKENS
from models.encoding import TextEncoder, pad, plan_batches
from models.engines.torch import StanceNetwork
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example, labels_of
from training.export import TOKENIZER_FILES, ExportError, read_run
from training.metrics import macro_f1
from training.program import make_parser

SEED = "seed"


def same_recipe(records: Sequence[dict[str, Any]]) -> bool:
    """Whether these runs had the same data, base and configuration but for the seed."""
    recipes = [
        ({name: value for name, value in record["config"].items() if name != SEED}, record["base"], record["data"])
        for record in records
    ]
    return all(recipe == recipes[0] for recipe in recipes)


def average_weights(checkpoints: Sequence[Path]) -> StanceNetwork:
    """The first run's network with the mean of all runs' weights."""
    models = [StanceNetwork.load(path) for path in checkpoints]
    states = [model.state_dict() for model in models]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if weight.is_floating_point() else weight
        for name, weight in states[0].items()
    }
    averaged = models[0]
    averaged.load_state_dict(mean)
    return averaged


def validation_macro_f1(model: StanceNetwork, encoder: TextEncoder, *, examples: Sequence[Example]) -> float:
    """The macro-F1 of a model in torch, as finetune measures it after each epoch."""
    encodings = encoder.encode([example.text or "" for example in examples])
    predicted = np.zeros(len(examples), dtype=int)
    widths = [encoding.width for encoding in encodings]
    with torch.inference_mode():
        for batch in plan_batches(widths, max_batch=MAX_BATCH, max_padded_tokens=MAX_PADDED_TOKENS):
            ids, mask = map(torch.from_numpy, pad([encodings[index] for index in batch]))
            predicted[batch] = model.eval()(ids, mask).logits.argmax(dim=-1).numpy()
    return macro_f1(labels_of(examples), predicted)


def average(checkpoints: Sequence[Path], output: Path, *, data: Path) -> float:
    """Write the average as a run; return its validation macro-F1. Raises: ExportError, CorpusError."""
    records = [read_run(checkpoint) for checkpoint in checkpoints]
    if not same_recipe(records):
        raise ExportError("the runs differ in more than their seed; an average of them would mean nothing")
    corpus = read_corpus(data)
    model = average_weights(checkpoints)
    model.save(output)
    for name in TOKENIZER_FILES:
        if (checkpoints[0] / name).is_file():
            shutil.copyfile(checkpoints[0] / name, output / name)
    encoder = TextEncoder.from_file(str(output / TOKENIZER), max_tokens=records[0]["config"]["max_tokens"])
    score = validation_macro_f1(model, encoder, examples=corpus.validation)
    seeds = [record["config"][SEED] for record in records]
    record = {**records[0], "averaged_seeds": seeds, "history": [], "macro_f1": score}
    (output / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return score


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.average", __doc__)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, metavar="DIR", help="finished runs")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the average goes")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the corpus (default: training/data)")
    flags = parser.parse_args(arguments)
    try:
        score = average(flags.checkpoint, flags.output, data=flags.data)
    except (ExportError, CorpusError) as error:
        print(f"average: {error}", file=sys.stderr)
        return 2
    print(f"{flags.output}: validation macro-F1 {score:.3f}, the average of {len(flags.checkpoint)} runs")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
