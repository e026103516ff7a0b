"""Turn a checkpoint into an artifact: half-precision weights, the int8 OpenVINO graph, the decision rule, the manifest.

    python -m training.export --checkpoint runs/seed-0 --output models/stance-minilm --version 1.0.0

The int8 graph is calibrated on training statements; temperature and conformal floors are fitted, on the calibration
split, to the logits of the int8 graph itself, since that is what answers. The corpus must be the one that the
checkpoint was trained on. Then: python -m training.evaluate, and python -m training.seal to enter the scores.
"""

import datetime
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from models import artifact as artifacts
from models.artifact import CARD, Manifest
from models.classifier import forward_all
from models.decision import Decision
from models.encoding import Encoding, TextEncoder, pad
from models.engines import Engine
from models.engines.openvino import OUTPUTS, OpenVinoEngine
from models.engines.torch import StanceNetwork
from models.errors import ParleyError
from training.calibrate import TEMPERATURE_RANGE, fit_decision
from training.config import TrainingConfig
from training.corpus import add_data_flag, read_corpus, split_data
from training.examples import CorpusError, Example, Origin, digest, labels_of
from training.finetune import used_for_training
from training.program import make_parser
from training.splits import Corpus

N_QUANTISATION_STATEMENTS: Final = 600
"""Statements whose activations set the int8 scales. Source: docs/log.md, "int8"."""
UNQUANTISED: Final = (r".*pooler.*", r".*classifier.*", r".*conditions.*", r".*attribution.*")
"""Parts of the graph that compute in floating point: the small heads. Source: docs/log.md, "What stays in float"."""
EDGE: Final = 1.01
"""A temperature within 1 % of an end of the search range was not found but cut off there."""
TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


class ExportError(Exception):
    """Raised when a checkpoint cannot be exported; the message says why."""


def export_weights(checkpoint: Path, output: Path) -> None:
    """Write config, half-precision weights of all heads and tokenizer, in Hugging Face layout."""
    StanceNetwork.load(checkpoint).save(output, dtype=torch.float16)
    for name in TOKENIZER_FILES:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, output / name)


def export_graph(checkpoint: Path, output: Path, encodings: Sequence[Encoding]) -> None:
    """Write the OpenVINO graph, quantised after training with static scales, so that no answer depends on its batch."""
    import nncf
    import openvino
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    ids, mask = map(torch.from_numpy, pad(encodings[:2]))
    graph = openvino.convert_model(_Tensors(StanceNetwork.load(checkpoint)).eval(), example_input=(ids, mask))
    for tensors, names in ((graph.inputs, ("input_ids", "attention_mask")), (graph.outputs, OUTPUTS)):
        for tensor, name in zip(tensors, names, strict=True):
            tensor.get_tensor().set_names({name})
    graph.reshape({"input_ids": [-1, -1], "attention_mask": [-1, -1]})
    samples = [dict(zip(("input_ids", "attention_mask"), pad([encoding]), strict=True)) for encoding in encodings]
    quantised = nncf.quantize(
        graph,
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
        ignored_scope=nncf.IgnoredScope(patterns=list(UNQUANTISED), validate=False),
        # Ranges by the mean of minima and maxima: a few outliers would make every step of the scale coarse.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MEAN_MINMAX
        ),
    )
    compressed = nncf.compress_weights(quantised, mode=nncf.CompressWeightsMode.INT8_ASYM)  # what stayed in float: 6 MB
    (output / artifacts.OPENVINO_GRAPH).parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(compressed, output / artifacts.OPENVINO_GRAPH, compress_to_fp16=True)


class _Tensors(torch.nn.Module):
    """The network as a function of two tensors that gives two, which is what a graph is traced from."""

    def __init__(self, network: StanceNetwork) -> None:
        super().__init__()
        self._network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All heads' logits. Shapes: [B, T], [B, T] -> [B, L], [B, T, K]."""
        output = self._network(input_ids, attention_mask)
        return output.logits, output.token_logits


def fit_on_calibration(engine: Engine, encoder: TextEncoder, *, examples: Sequence[Example]) -> Decision:
    """The decision rule for this engine's logits on the calibration split.

    Raises: ExportError when no temperature inside the search range fits, CorpusError, EngineFailed.
    """
    logits, _ = forward_all(engine, encoder.encode([example.text or "" for example in examples]))
    decision = fit_decision(logits, labels_of(examples))
    low, high = TEMPERATURE_RANGE
    if not low * EDGE < decision.temperature < high / EDGE:
        raise ExportError(
            f"the fitted temperature {decision.temperature:.3g} lies at the edge of the search range {low} to {high}: "
            "the model is no better than chance on the calibration split, or never wrong"
        )
    return decision


def read_run(checkpoint: Path) -> dict[str, Any]:
    """The record that finetune left. Raises: ExportError."""
    try:
        record: dict[str, Any] = json.loads((checkpoint / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{checkpoint}: not a finished run of training.finetune: {error}") from error
    return record


def choose_run(checkpoints: Sequence[Path]) -> Path:
    """The run with the best validation macro-F1; the dev set has no say in it. Raises: ExportError."""
    return max(checkpoints, key=lambda checkpoint: float(read_run(checkpoint)["macro_f1"]))


def training_data(record: dict[str, Any], corpus: Corpus) -> dict[str, Any]:
    """What the manifest says of the data. Raises: ExportError when the corpus is not the one of the training run."""
    examples = used_for_training(corpus, TrainingConfig.of_record(record["config"]))
    trained, given = record["data"]["digest"], digest(examples)
    if given != trained:
        raise ExportError(f"trained on data of digest {trained[:12]}, and this corpus folder gives {given[:12]}")
    written = {example.group for example in examples if example.origin is Origin.WRITTEN}
    return {**record["data"], "written_groups_trained": sorted(written), "n_calibration": len(corpus.calibration)}


def export(checkpoint: Path, output: Path, *, version: str, data: Path, reviewed: Sequence[Path] = ()) -> Manifest:
    """Write a whole artifact to ``output``, replacing what is there only when it is complete.

    Raises: ExportError, CorpusError, ParleyError.
    """
    record = read_run(checkpoint)
    corpus = read_corpus(data, reviewed=reviewed)
    manifest = Manifest(
        name=output.name,
        version=version,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        max_tokens=record["config"]["max_tokens"],
        base=record["base"],
        data=training_data(record, corpus),
        training=record["config"] | {name: record[name] for name in ("averaged_seeds",) if name in record},
        scores={},
    )
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    print("weights ...", file=sys.stderr)
    export_weights(checkpoint, partial)
    encoder = TextEncoder.from_file(str(partial / artifacts.TOKENIZER), max_tokens=manifest.max_tokens)
    # Every k-th training statement: all sources in their proportion, without a seed of its own.
    step = max(1, len(corpus.train) // N_QUANTISATION_STATEMENTS)
    chosen = corpus.train[::step][:N_QUANTISATION_STATEMENTS]
    print(f"int8 graph from {len(chosen)} statements ...", file=sys.stderr)
    export_graph(checkpoint, partial, encoder.encode([example.text or "" for example in chosen]))
    print(f"decision rule from {len(corpus.calibration)} statements ...", file=sys.stderr)
    engine = OpenVinoEngine(partial / artifacts.OPENVINO_GRAPH, threads=0)
    decision = fit_on_calibration(engine, encoder, examples=corpus.calibration)
    (partial / artifacts.DECISION).write_text(decision.to_json(), encoding="utf-8")
    if (output / CARD).is_file():  # the card is written by hand and belongs to the name, not to one export
        shutil.copyfile(output / CARD, partial / CARD)
    for file in filter(Path.is_file, partial.rglob("*")):
        file.chmod(0o644)  # safetensors writes files that only the owner may read; the service runs as another user
    sealed = artifacts.seal(partial, manifest)
    _replace(output, partial)
    return sealed


def _replace(output: Path, partial: Path) -> None:
    """Put the finished directory in place; the old one stays until the new one is complete."""
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    partial.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.export", __doc__)
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="finished runs of training.finetune; of several, the one with the best validation macro-F1 is exported",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="the artifact; its name becomes the model's"
    )
    parser.add_argument("--version", required=True, help="the model's version, such as 1.0.0")
    add_data_flag(parser)
    flags = parser.parse_args(arguments)
    try:
        data, reviewed = split_data(flags.data)
        run = choose_run(flags.checkpoint)
        manifest = export(run, flags.output, version=flags.version, data=data, reviewed=reviewed)
    except (ExportError, CorpusError, ParleyError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(f"{flags.output}: {manifest.model_id}, digest {manifest.digest[:12]}, {len(manifest.files)} files")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
