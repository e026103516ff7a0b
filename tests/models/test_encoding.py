"""The length policy: offsets into the caller's text, truncation that is always said, bounded work, like with like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from models.encoding import CHARS_PER_TOKEN, WIDTH_STEP, Encoding, TextEncoder, pad, plan_batches
from models.errors import ArtifactCorrupt

LENGTHS = st.lists(st.integers(1, 300), max_size=120)


class SpyTokenizer:
    """A tokeniser that notes how many characters it was handed."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.n_chars: list[int] = []

    def encode_batch(self, texts: Sequence[str]) -> object:
        """The real encodings; the lengths of ``texts`` are noted."""
        self.n_chars += map(len, texts)
        return self.tokenizer.encode_batch(texts)


def encoding(n_tokens: int) -> Encoding:
    """An encoding of that many tokens, none of them padding."""
    return Encoding(tuple(range(1, n_tokens + 1)), ((0, 0),) * n_tokens, truncated=False)


@pytest.fixture
def encoder(tokenizer: Tokenizer) -> TextEncoder:
    """An encoder of at most 16 tokens over the small tokeniser."""
    return TextEncoder(tokenizer, max_tokens=16)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We will talk.", ["We", "will", "talk", "."]),
        ("  We   will\ntalk  ", ["We", "will", "talk"]),
        ("🕊🕊 “Talk” — talk", ["🕊🕊", "“", "Talk", "”", "—", "talk"]),
        ("WE\u2028NEVER\u00a0TALK", ["WE", "NEVER", "TALK"]),
    ],
    ids=["plain", "spaces", "astral and typography", "exotic spaces"],
)
def test_offsets_point_into_the_callers_text(encoder: TextEncoder, text: str, words: list[str]) -> None:
    """Cutting the text as it came at a token's offsets gives that token's own characters."""
    (encoded,) = encoder.encode([text])
    assert [text[start:end] for start, end in encoded.offsets[1:-1]] == words
    assert encoded.offsets[0] == encoded.offsets[-1] == (0, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # an encoder keeps nothing between texts
@given(text=st.text(st.characters(codec="utf-8"), max_size=80))
def test_offsets_lie_within_any_text(encoder: TextEncoder, text: str) -> None:
    """Offsets are ordered and inside the text for any characters, astral and combining ones too."""
    (encoded,) = encoder.encode([text])
    inner = encoded.offsets[1:-1]
    assert all(0 <= start <= end <= len(text) for start, end in inner)
    assert list(inner) == sorted(inner)


def test_a_soft_hyphen_splits_no_word(encoder: TextEncoder) -> None:
    """A word with an invisible character in it is one word, and its offsets still span what the caller sent."""
    plain, hyphenated = encoder.encode(["we talk", "we ta\u00adlk"])
    assert hyphenated.ids == plain.ids
    assert hyphenated.offsets[2] == (3, 8)


@pytest.mark.parametrize("marker", ["[SEP]", "[PAD]", "[CLS]", "[MASK]"])
def test_a_marker_in_a_text_is_only_text(encoder: TextEncoder, marker: str) -> None:
    """A caller who writes the tokeniser's own markers gets characters, never the marker's id."""
    (encoded,) = encoder.encode([f"we {marker} talk"])
    plain, _ = encoder.encode(["we", "we"])
    assert set(encoded.ids[1:-1]).isdisjoint({0, 2, 3, 4})
    assert (encoded.ids[0], encoded.ids[-1]) == (plain.ids[0], plain.ids[-1])


@pytest.mark.parametrize(("n_words", "truncated"), [(1, False), (13, False), (14, False), (15, True), (200, True)])
def test_truncation_is_flagged_exactly_when_tokens_are_cut(
    encoder: TextEncoder, n_words: int, *, truncated: bool
) -> None:
    """Sixteen tokens take fourteen words and two markers: the fifteenth word is cut, and the flag says so."""
    (encoded,) = encoder.encode(["talk " * n_words])
    assert encoded.truncated is truncated
    assert encoded.n_tokens == min(n_words + 2, 16)
    assert len(encoded.offsets) == encoded.n_tokens


def test_truncation_keeps_the_beginning(encoder: TextEncoder) -> None:
    """Of a long text the first tokens are read, then the end marker."""
    long, short = encoder.encode(["we will " * 40, "we will " * 7])
    assert long.ids == short.ids


def test_a_text_changes_no_neighbour(encoder: TextEncoder) -> None:
    """A text is encoded the same alone and among others, long, empty or foreign."""
    texts = ["We will talk.", "talk " * 90, "", "переговоры"]
    assert encoder.encode(texts) == [encoder.encode([text])[0] for text in texts]


def test_no_texts_give_no_encodings(encoder: TextEncoder) -> None:
    """An empty list is encoded to an empty list."""
    assert encoder.encode([]) == []


@pytest.mark.parametrize("text", ["talk " * 2_000_000, "a" * 10_000_000], ids=["words", "one word"])
def test_work_on_a_huge_text_is_bounded(encoder: TextEncoder, text: str) -> None:
    """Of ten megabytes the tokeniser sees only the characters that the length policy allows, and the cut is flagged."""
    spy = SpyTokenizer(encoder._tokenizer)
    encoder._tokenizer = spy
    (encoded,) = encoder.encode([text])
    assert spy.n_chars == [CHARS_PER_TOKEN * encoder.max_tokens]
    assert encoded.truncated is True


def test_the_files_own_padding_and_truncation_are_cleared(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """A tokenizer.json that pads and cuts to 128 tokens gives texts of their own length, up to this encoder's limit."""
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = TextEncoder.from_file(str(tmp_path / "tokenizer.json"), max_tokens=200)
    short, long = encoder.encode(["We talk", "talk " * 300])
    assert (short.n_tokens, short.truncated) == (4, False)
    assert (long.n_tokens, long.truncated) == (200, True)


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"version": "1.0", "model": {"type": "Other"}}'])
def test_an_unreadable_tokenizer_is_corrupt(tmp_path: Path, content: str) -> None:
    """A tokenizer.json that tokenizers cannot read raises our error, which names the file."""
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match=r"tokenizer\.json"):
        TextEncoder.from_file(str(path), max_tokens=16)


def test_pad_fills_with_zeros_to_the_width() -> None:
    """Rows keep their tokens, all end in zeros up to the next multiple of 8, and the mask has a 1 for each token."""
    ids, mask = pad([encoding(2), encoding(4), encoding(17)])
    assert ids.shape == mask.shape == (3, 24)
    np.testing.assert_array_equal(ids[:2, :5], [[1, 2, 0, 0, 0], [1, 2, 3, 4, 0]])
    np.testing.assert_array_equal(mask.sum(axis=1), [2, 4, 17])
    assert not ids[mask == 0].any()
    assert ids.dtype == mask.dtype == np.int64


@given(st.integers(1, 600))
def test_the_width_depends_on_the_text_alone(length: int) -> None:
    """It is the least multiple of WIDTH_STEP that holds the tokens."""
    width = encoding(length).width
    assert width % WIDTH_STEP == 0
    assert 0 <= width - length < WIDTH_STEP


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_pad_loses_no_token(lengths: list[int]) -> None:
    """The mask selects exactly the tokens that went in, row by row."""
    batch = [encoding(length) for length in lengths]
    ids, mask = pad(batch)
    assert ids.shape == mask.shape == (len(lengths), max(item.width for item in batch))
    assert [tuple(row[keep == 1]) for row, keep in zip(ids, mask, strict=True)] == [item.ids for item in batch]


@given(LENGTHS, st.integers(1, 32), st.integers(1, 2_000))
def test_plan_takes_every_index_once(lengths: list[int], max_batch: int, max_padded_tokens: int) -> None:
    """No text is forgotten and none is run twice; no batch is empty."""
    plan = plan_batches(lengths, max_batch=max_batch, max_padded_tokens=max_padded_tokens)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))
    assert all(plan)


@given(LENGTHS, st.integers(1, 32), st.integers(1, 2_000))
def test_plan_holds_its_limits(lengths: list[int], max_batch: int, max_padded_tokens: int) -> None:
    """No batch has more rows or more padded tokens than allowed; only a lone long text may exceed the latter."""
    for batch in plan_batches(lengths, max_batch=max_batch, max_padded_tokens=max_padded_tokens):
        assert len(batch) <= max_batch
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_padded_tokens


@given(LENGTHS, st.integers(1, 32), st.integers(1, 2_000))
def test_plan_never_mixes_widths(lengths: list[int], max_batch: int, max_padded_tokens: int) -> None:
    """All texts of a batch have one width, so that no text is padded on account of another."""
    plan = plan_batches(lengths, max_batch=max_batch, max_padded_tokens=max_padded_tokens)
    assert all(len({lengths[index] for index in batch}) == 1 for batch in plan)


def test_plan_wastes_no_batch() -> None:
    """Sixty-four texts of one length share one batch where the limits allow it."""
    assert [len(batch) for batch in plan_batches([64] * 130, max_batch=64, max_padded_tokens=4_096)] == [64, 64, 2]


@given(LENGTHS, st.integers(1, 32), st.integers(1, 2_000))
def test_plan_has_few_shapes(lengths: list[int], max_batch: int, max_padded_tokens: int) -> None:
    """Batches have a power of two of rows, and no two batches could have been one of the next power."""
    plan = plan_batches(lengths, max_batch=max_batch, max_padded_tokens=max_padded_tokens)
    assert all(len(batch).bit_count() == 1 for batch in plan)
    shapes = [(lengths[batch[0]], len(batch)) for batch in plan]
    full = {width: 1 << (max(1, min(max_batch, max_padded_tokens // width)).bit_length() - 1) for width, _ in shapes}
    assert all(shapes.count((width, rows)) == 1 for width, rows in shapes if rows < full[width])


def test_plan_of_equal_lengths_keeps_their_order() -> None:
    """Texts of one length stay in the order given, so that a plan never depends on chance."""
    assert plan_batches([5, 5, 2, 5], max_batch=8, max_padded_tokens=100) == [[2], [0, 1], [3]]
