"""The configuration: every field is a flag with a help, and flags give back what they were given."""

import argparse
from dataclasses import asdict, fields, replace

import pytest

from training.config import TrainingConfig


def parse(*arguments: str) -> TrainingConfig:
    """The configuration of a command line."""
    parser = argparse.ArgumentParser()
    TrainingConfig.add_flags(parser)
    return TrainingConfig.from_flags(parser.parse_args(arguments))


def test_no_flags_are_the_recipe() -> None:
    """Without a flag the configuration is the recipe."""
    assert parse() == TrainingConfig()


@pytest.mark.parametrize("name", [field.name for field in fields(TrainingConfig)])
def test_every_field_survives_the_command_line(name: str) -> None:
    """A field set by its flag has that value and its own type, and no other field changes."""
    default = getattr(TrainingConfig(), name)
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        assert parse(flag.replace("--", "--no-")) == replace(TrainingConfig(), **{name: False})
        return
    value = "else/where" if isinstance(default, str) else default + 1
    config = parse(flag, str(value))
    assert config == replace(TrainingConfig(), **{name: value})
    assert type(asdict(config)[name]) is type(default)


def test_every_field_has_a_help() -> None:
    """Each flag says what it does and its default."""
    parser = argparse.ArgumentParser()
    TrainingConfig.add_flags(parser)
    helps = {action.dest: action.help or "" for action in parser._actions}
    for field in fields(TrainingConfig):
        words, _, default = helps[field.name].partition(" (default: ")
        assert len(words.split()) >= 4, field.name
        assert default.startswith(str(field.default)), field.name
    assert "--warmup-share" in parser.format_help()


@pytest.mark.parametrize(("confidence", "weight"), [(1, 0.1), (2, 0.7), (3, 1.0), (None, 1.0)])
def test_confidence_weighs(confidence: int | None, weight: float) -> None:
    """A guess weighs least; who said nothing counts as certain."""
    assert TrainingConfig().confidence_weight(confidence) == weight


def test_an_old_record_kept_near_duplicates() -> None:
    """A record from before near-duplicates were looked for is read as what it was; other fields are passed over."""
    old = {"seed": 7, "epochs": 2, "averaged_seeds": [0, 1], "head_size": 3}
    assert TrainingConfig.of_record(old) == TrainingConfig(
        seed=7, epochs=2, keep_near_duplicates=True, article_weight=0.0, consistency_weight=0.0
    )
    new = asdict(TrainingConfig(seed=7))
    assert TrainingConfig.of_record(new) == TrainingConfig(seed=7)
