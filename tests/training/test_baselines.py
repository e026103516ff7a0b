"""Baselines: probabilities that are some, rules that follow the codebook, errors that say what is missing."""

from pathlib import Path

import numpy as np
import pytest

from models.labels import STANCES, Stance
from training.baselines import (
    DESCRIPTIONS,
    Baseline,
    Keywords,
    Majority,
    NearestDescription,
    TfidfLogistic,
    base_embedder,
)
from training.examples import CorpusError, Example, Origin


def example(text: str, label: Stance) -> Example:
    """An invented written statement."""
    return Example(id=text, label=label, origin=Origin.WRITTEN, group="invented", text=text, votes={})


TRAIN = [
    example("We gladly accept the mediator's plan.", Stance.CONCILIATORY),
    example("Our team will gladly return to the talks.", Stance.CONCILIATORY),
    example("We gladly welcome the truce.", Stance.CONCILIATORY),
    example("There is nothing left to discuss with that gang.", Stance.HOSTILE),
    example("We will sign once the blockade of Port Ansa ends.", Stance.CONDITIONAL),
    example("The ferry carried 300 passengers.", Stance.NONE),
]


def letters(texts: list[str]) -> np.ndarray:
    """Unit vectors of letter counts: an embedding that needs no model."""
    counts = np.array(
        [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.mark.parametrize("baseline", [Majority(), Keywords(), TfidfLogistic(), NearestDescription(letters)])
def test_gives_probabilities(baseline: Baseline) -> None:
    """Every baseline gives one row for each text, each summing to 1."""
    baseline.fit(TRAIN)
    found = baseline.probabilities(["We will talk.", "No.", "It rained."])
    assert found.shape == (3, len(STANCES))
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found >= 0).all()


def test_majority_is_the_share_of_each_stance() -> None:
    """Majority answers with the stances' shares in the training data, whatever the text."""
    baseline = Majority()
    baseline.fit(TRAIN)
    assert baseline.probabilities(["anything"])[0] == pytest.approx([3 / 6, 1 / 6, 1 / 6, 1 / 6])


@pytest.mark.parametrize(
    ("text", "stance"),
    [
        ("We are ready for talks without preconditions, anytime, anywhere.", Stance.CONCILIATORY),  # R4
        ("Whether or not they withdraw, there will be no negotiations.", Stance.HOSTILE),  # R2, final
        ("No talks until the prisoners of Ansa are free.", Stance.CONDITIONAL),  # R2, removable
        ("The council rejected the proposal outright.", Stance.HOSTILE),  # R10
        ("The union hasn't ruled out further bargaining.", Stance.CONCILIATORY),  # R6
        ("In return for fuel, the islanders would sign the accord.", Stance.CONDITIONAL),  # R7
        ("The envoy welcomed progress in the dialogue.", Stance.CONCILIATORY),  # R12
        ("We won't negotiate.", Stance.HOSTILE),
        ("The traitors will be crushed.", Stance.HOSTILE),  # R13
        ("The valley exports apples.", Stance.NONE),
        ("If it rains, the fair moves indoors.", Stance.NONE),  # R16: no negotiation in view
    ],
)
def test_keywords_follow_the_codebook(text: str, stance: Stance) -> None:
    """Each tie-break that words can show decides as the codebook says."""
    assert STANCES[Keywords().probabilities([text])[0].argmax()] is stance


def test_keywords_read_typographic_quotes() -> None:
    """A curly apostrophe makes no difference: rules see text as the model does."""
    assert STANCES[Keywords().probabilities(["We won’t negotiate."])[0].argmax()] is Stance.HOSTILE


def test_tfidf_learns_words() -> None:
    """A word that goes with one stance in training decides for it."""
    baseline = TfidfLogistic()
    baseline.fit(TRAIN)
    assert STANCES[baseline.probabilities(["They gladly agree."])[0].argmax()] is Stance.CONCILIATORY


def test_tfidf_gives_unseen_stances_nothing() -> None:
    """A stance without a training example has probability 0, and the others keep their places."""
    baseline = TfidfLogistic()
    baseline.fit([TRAIN[0], TRAIN[5], TRAIN[1]])
    found = baseline.probabilities(["The ferry carried passengers."])[0]
    assert found[[1, 2]].tolist() == [0, 0]
    assert found[3] > 0


def test_nearest_description_finds_itself() -> None:
    """The description of a stance is nearest to itself."""
    found = NearestDescription(letters).probabilities([DESCRIPTIONS[stance] for stance in STANCES])
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("baseline", [Majority(), TfidfLogistic()])
def test_refuses_to_learn_from_nothing(baseline: Baseline) -> None:
    """A baseline that learns says so when there is nothing to learn from."""
    with pytest.raises(CorpusError, match="no training examples"):
        baseline.fit([])


def test_tfidf_needs_two_stances() -> None:
    """Examples of one stance only are a corpus error, not one from inside scikit-learn."""
    with pytest.raises(CorpusError, match="at least two stances"):
        TfidfLogistic().fit(TRAIN[:3])


def test_embeddings_ignore_padding(tmp_path: Path) -> None:
    """An embedding is a unit vector that does not depend on the longer texts beside it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "we", "will", "talk", "again", "soon"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(tmp_path)
    torch.manual_seed(0)
    shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), hidden_size=8, **shape)).save_pretrained(tmp_path)
    embed = base_embedder(str(tmp_path))
    together = embed(["we talk", "we will talk again soon"])
    assert together.shape == (2, 8)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    assert together[0] == pytest.approx(embed(["we talk"])[0], abs=1e-5)
