"""Scoring is pure: one result for each row, in order, whatever the rows and the engine do."""

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest

from models.conditions import ConditionSpan
from models.errors import EngineFailed
from models.labels import STANCES, ConditionKind, Stance
from models.prediction import Prediction
from models.text import MAX_TEXT_CHARS
from training.answers import FLAT, AnswerColumns, Scored, listed
from training.rows import BadRow, InputError, Row
from training.scoring import score_rows


class Fake:
    """A classifier whose answer depends on the text's length; it fails on a marker, as a broken kernel would."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text; EngineFailed when one holds the marker."""
        self.calls.append(len(texts))
        if any("POISON" in text for text in texts):
            raise EngineFailed("the forward pass failed")
        return [prediction(len(text)) for text in texts]

    def warm_up(self) -> None:
        """Nothing to warm."""


def prediction(n_tokens: int) -> Prediction:
    """A prediction that is told apart by its token count."""
    stance = STANCES[n_tokens % len(STANCES)]
    probabilities = {member: 0.7 if member is stance else 0.1 for member in STANCES}
    return Prediction(stance, probabilities, (stance, Stance.NONE), False, n_tokens)


def rows_of(*texts: object) -> list[Row | BadRow]:
    """Rows with these texts and a second column."""
    return [Row(number, {"text": text, "id": f"0{number}"}, line=number + 1) for number, text in enumerate(texts, 1)]


def codes(results: Sequence[Scored | BadRow]) -> list[str | int]:
    """Each result as its token count, or the code of its refusal."""
    return [result.code if isinstance(result, BadRow) else result.prediction.n_tokens for result in results]


def test_one_result_for_each_row_in_order() -> None:
    """Good and refused rows keep their places; the classifier sees the good ones only, in one call."""
    fake = Fake()
    read_badly = BadRow(9, 9, None, "invalid_json", "broken", "{")
    rows = [*rows_of("We agree.", None, 7, " ?! ", "a\x00b", "\ud800", "x" * (MAX_TEXT_CHARS + 1), "No."), read_badly]
    results = score_rows(fake, [*rows, Row(10, {"id": "10"})], text_column="text")
    refused = ["null_text", "not_text", "empty_text", "unreadable_text", "unreadable_text", "text_too_long"]
    assert codes(results) == [9, *refused, 3, "invalid_json", "missing_text"]
    assert fake.calls == [2]


def test_refusals_say_why_and_keep_the_rest() -> None:
    """A refused row names place, column and cause; the culprit is cut, the other columns are whole."""
    (bad,) = score_rows(Fake(), rows_of("x" * 30_000_000), text_column="text")
    assert isinstance(bad, BadRow)
    assert (bad.number, bad.line, bad.column, bad.values) == (1, 2, "text", {"id": "01"})
    assert len(bad.raw) == 200
    assert str(bad).startswith("row 1 (line 2): the text has 30,000,000 characters")


def test_a_poisonous_row_fails_alone() -> None:
    """When the engine fails on a chunk, its halves are tried, and only the culprit is refused."""
    fake = Fake()
    results = score_rows(fake, rows_of("We agree.", "POISON", "No."), text_column="text")
    assert codes(results) == [9, "engine_failed", 3]
    assert fake.calls == [3, 1, 2, 1, 1]


def test_no_rows_no_call() -> None:
    """Without a readable row the classifier is not asked."""
    fake = Fake()
    assert score_rows(fake, [], text_column="text") == []
    assert codes(score_rows(fake, rows_of(None), text_column="text")) == ["null_text"]
    assert fake.calls == []


def test_scoring_twice_gives_the_same() -> None:
    """The same rows give equal results, so that a chunk can be done again."""
    rows = rows_of("We agree.", "", "No.")
    assert score_rows(Fake(), rows, text_column="text") == score_rows(Fake(), rows, text_column="text")


def test_answer_columns() -> None:
    """The answer has the promised columns, types and spellings, behind a prefix when there is one."""
    scored = score_rows(Fake(), rows_of("We agree."), text_column="text")[0]
    assert isinstance(scored, Scored)
    chosen = AnswerColumns(prefix="p_")
    answer = chosen.values(scored, model="fake@1")
    assert answer == {
        "p_stance": "hostile",
        "p_confidence": 0.7,
        "p_probability_conciliatory": 0.1,
        "p_probability_hostile": 0.7,
        "p_probability_conditional": 0.1,
        "p_probability_none": 0.1,
        "p_certain": False,
        "p_prediction_set": "hostile;none",
        "p_conditions": "[]",
        "p_truncated": False,
        "p_n_tokens": 9,
        "p_language": None,
        "p_model": "fake@1",
    }
    assert chosen.schema.names == list(answer)
    assert [f"p_{name}" for name in FLAT] == list(answer)
    assert pa.Table.from_pylist([answer], schema=chosen.schema).to_pylist() == [answer]


def test_foreign_text_is_marked() -> None:
    """A text in another language is scored, and its language is said."""
    french = "Nous reprendrons les négociations dès que les sanctions seront levées."
    (scored,) = score_rows(Fake(), rows_of(french), text_column="text")
    assert isinstance(scored, Scored)
    assert scored.language == "fr"


def test_clashing_columns() -> None:
    """An input column that scoring would add is refused with a way out, and a prefix is that way."""
    with pytest.raises(InputError, match=r"already has 'model', which .* --prefix new_"):
        AnswerColumns().check_clash(["text", "model"])
    AnswerColumns(prefix="new_").check_clash(["text", "model"])
    with pytest.raises(InputError, match="new_model"):
        AnswerColumns(prefix="new_").check_clash(["text", "new_model"])


def test_conditions_are_json_that_reads_back() -> None:
    """What is demanded stands as plain objects, its text as it was, its kind by name."""
    span = ConditionSpan(3, 12, "the «siege» ends", ConditionKind.PRECONDITION, 0.9)
    expected = [{"start": 3, "end": 12, "text": "the «siege» ends", "kind": "precondition"}]
    assert json.loads(json.dumps(listed([span]), ensure_ascii=False)) == expected
