"""The shipped corpus: what its card says of it is true, and nothing stands in it that should not."""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from models.labels import STANCES, Stance
from training.examples import DATA, Example, Origin, read_examples
from training.splits import Split, split_of

FILES = ("written", "record", "elsewhere", "dev")
N_ELSEWHERE = 2_364
RULES = {f"R{number}" for number in range(1, 21)}
COPIED_BY_HAND = {"HistoryAtState/frus", "snowood1/Zero-Shot-PLOVER"}
"""Sources of dev without a revision: five statements to which no locator leads."""


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Example]]:
    """The examples of each shipped file."""
    return {name: list(read_examples(DATA / f"{name}.jsonl")) for name in FILES}


@pytest.fixture(scope="module")
def written(corpus: dict[str, list[Example]]) -> list[Example]:
    """The statements written here."""
    return corpus["written"]


@pytest.fixture(scope="module")
def pairs(written: list[Example]) -> list[list[Example]]:
    """The written statements that share a pair's name."""
    by_name: dict[str, list[Example]] = defaultdict(list)
    for example in written:
        if example.pair:
            by_name[example.pair].append(example)
    return list(by_name.values())


def table_rows(card: str, name: str = "sources") -> list[list[str]]:
    """The cells of one of the card's tables of sources, without its head."""
    table = re.search(rf"<!-- {name}: begin.*?-->(.*?)<!-- {name}: end -->", card, flags=re.DOTALL)
    assert table
    lines = [line for line in table.group(1).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def counts(cell: str, total: str) -> list[int]:
    """The four numbers of a cell, or four noughts for a dash; they sum to the next cell."""
    found = [0] * 4 if cell == "-" else [int(number.replace(",", "")) for number in cell.split(" / ")]
    assert sum(found) == int(total.replace(",", ""))
    return found


def test_datasets_loads_every_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """datasets.load_dataset reads the configurations of statements, offline, with one schema for all."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    features = []
    sizes = (
        ("written", "train", 4_452),
        ("record", "train", 15_300),
        ("elsewhere", "train", N_ELSEWHERE),
        ("dev", "test", 298),
    )
    for name, split, n in sizes:
        loaded = datasets.load_dataset(str(DATA), name, split=split, cache_dir=str(tmp_path))
        assert len(loaded) == n
        features.append(loaded.features)
    assert all(one == features[0] for one in features)
    assert set(features[0]) == set(Example.__slots__)


@pytest.mark.parametrize("name", FILES)
def test_every_line_has_the_whole_schema(name: str) -> None:
    """Each line has all fields of the schema, in the same order, and no other."""
    orders: Counter[Any] = Counter()
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        orders.update(tuple(json.loads(line)) for line in lines)
    assert list(orders) == [Example.__slots__]


@pytest.mark.parametrize("name", FILES)
def test_ids_are_unique(corpus: dict[str, list[Example]], name: str) -> None:
    """No id stands twice in a file."""
    assert len({example.id for example in corpus[name]}) == len(corpus[name])


def test_rules_are_those_of_the_codebook(corpus: dict[str, list[Example]]) -> None:
    """Rules are R1 to R20, and each of them decides some written statement; the record's first sources name none."""
    assert {rule for example in corpus["elsewhere"] for rule in example.rules} <= RULES
    assert {rule for example in corpus["written"] for rule in example.rules} == RULES
    assert not any(example.rules for name in ("record", "dev") for example in corpus[name])


def test_conditions_lie_in_the_text(written: list[Example]) -> None:
    """A condition is a stretch of the text that is not blank, without blanks around it, or empty where left unsaid."""
    for example in written:
        text = example.text or ""
        for condition in example.conditions:
            assert 0 <= condition.start <= condition.end <= len(text), example.id
            stretch = text[condition.start : condition.end]
            assert stretch == stretch.strip(), example.id


@pytest.mark.parametrize("name", ["written", "record", "elsewhere"])
def test_what_is_conditional_has_a_condition(corpus: dict[str, list[Example]], name: str) -> None:
    """Every conditional statement has a condition, and no other has one."""
    wrong = [e.id for e in corpus[name] if (e.label is Stance.CONDITIONAL) != bool(e.conditions)]
    assert wrong == []


@pytest.mark.parametrize("name", FILES)
def test_no_reviewed_text_ships(corpus: dict[str, list[Example]], name: str) -> None:
    """What users reviewed is theirs: no shipped file has an example of that origin."""
    assert not [example.id for example in corpus[name] if example.origin is Origin.REVIEWED]


def test_the_card_names_every_origin() -> None:
    """The card explains each value of origin."""
    card = (DATA / "README.md").read_text(encoding="utf-8")
    (meaning,) = re.findall(r"^\| `origin` \| string \| (.*`reviewed`.*) \|$", card, flags=re.MULTILINE)
    assert all(f"`{origin}`" in meaning for origin in Origin)


def test_there_are_enough_written_statements(written: list[Example]) -> None:
    """The written statements are many, of many settings and every stance; no text stands twice."""
    assert len(written) >= 2_000
    assert len({example.text for example in written}) == len(written)
    assert len({example.group for example in written}) >= 60
    assert min(Counter(example.label for example in written).values()) >= 400
    assert {example.origin for example in written} == {Origin.WRITTEN}


def test_written_texts_are_clean(written: list[Example]) -> None:
    """No written text is empty, has blanks around it or holds a control or invisible character."""
    for example in written:
        assert example.text, example.id
        assert example.text == example.text.strip(), example.id
        assert not [char for char in example.text if unicodedata.category(char).startswith("C")], example.id


def test_pairs_contrast(pairs: list[list[Example]]) -> None:
    """A pair is two statements of one setting with different labels."""
    for pair in pairs:
        assert len(pair) == 2, pair[0].pair
        assert pair[0].label is not pair[1].label, pair[0].pair
        assert pair[0].group == pair[1].group, pair[0].pair


def test_each_rule_has_thirty_pairs(pairs: list[list[Example]]) -> None:
    """Each rule decides both statements of at least thirty pairs."""
    shared = Counter(rule for one, other in pairs for rule in {*one.rules} & {*other.rules})
    assert {rule for rule, n in shared.items() if n >= 30} == RULES


def test_no_setting_crosses_the_contrast_test(written: list[Example]) -> None:
    """Every setting is wholly held out or wholly for training; the contrast test keeps a quarter and 300 pairs."""
    splits: dict[str, set[Split]] = defaultdict(set)
    for example in written:
        splits[example.group].add(split_of(example))
    assert {len(split) for split in splits.values()} == {1}
    shares = Counter(map(split_of, written))
    assert set(shares) == {Split.TRAIN, Split.CONTRAST}
    assert 1 / 4 <= shares[Split.CONTRAST] / len(written) <= 2 / 3
    assert len({e.pair for e in written if e.pair and split_of(e) is Split.CONTRAST}) >= 300


@pytest.mark.parametrize("name", ["record", "elsewhere", "dev"])
def test_stand_off_files_hold_no_text(corpus: dict[str, list[Example]], name: str) -> None:
    """The public record ships without a word of it, but with all that leads to each text and proves it."""
    for example in corpus[name]:
        assert example.text is None, example.id
        assert example.origin is Origin.RECORD, example.id
        assert re.fullmatch(r"[0-9a-f]{64}", example.sha256 or ""), example.id
        assert example.path, example.id
        assert example.locator, example.id
        assert example.licence, example.id
        if example.repository not in COPIED_BY_HAND:
            assert re.fullmatch(r"[0-9a-f]{40}", example.revision or ""), example.id


def test_no_text_of_the_record_stands_twice(corpus: dict[str, list[Example]]) -> None:
    """No statement of the record is annotated twice, and none of dev is in the record too."""
    hashes = [example.sha256 for name in ("record", "elsewhere", "dev") for example in corpus[name]]
    assert len(set(hashes)) == len(hashes)


def test_the_card_counts_what_is_there(corpus: dict[str, list[Example]]) -> None:
    """The card's table of sources has every source once, with the counts by label of both files and their sums."""
    expected = {
        name: Counter((*_source(example), example.label) for example in corpus[name]) for name in ("record", "dev")
    }
    rows = table_rows((DATA / "README.md").read_text(encoding="utf-8"))
    found: dict[str, Counter[Any]] = {"record": Counter(), "dev": Counter()}
    for repository, _, _, register, *cells in rows[:-1]:
        for name, cell, total in (("record", *cells[:2]), ("dev", *cells[2:])):
            for stance, n in zip(STANCES, counts(cell, total), strict=True):
                found[name][(repository.replace("`", ""), register, stance)] += n
    assert {name: +counter for name, counter in found.items()} == expected
    cells = rows[-1][4:]
    for name, cell, total in (("record", *cells[:2]), ("dev", *cells[2:])):
        assert counts(cell, total) == [sum(e.label is stance for e in corpus[name]) for stance in STANCES]


def test_sources_elsewhere_stay_whole(corpus: dict[str, list[Example]]) -> None:
    """A source elsewhere is none of the record's, and wholly in training or wholly held out; both have every stance."""
    held_out, trained = (
        [e for e in corpus["elsewhere"] if split_of(e) is split] for split in (Split.ELSEWHERE, Split.TRAIN)
    )
    assert len(held_out) + len(trained) == len(corpus["elsewhere"])
    assert not {e.repository for e in held_out} & {e.repository for e in trained}
    assert not {e.repository for e in corpus["elsewhere"]} & {e.repository for e in corpus["record"]}
    for part in (held_out, trained):
        assert min(Counter(e.label for e in part).values()) >= 30


def test_the_card_counts_the_sources_elsewhere(corpus: dict[str, list[Example]]) -> None:
    """The card's second table has every source elsewhere once, with its licence, split and counts by label."""
    expected = Counter((e.repository, split_of(e).value, e.label) for e in corpus["elsewhere"])
    rows = table_rows((DATA / "README.md").read_text(encoding="utf-8"), "elsewhere")
    found: Counter[Any] = Counter()
    for repository, _, _, split, cell, total in rows[:-1]:
        for stance, n in zip(STANCES, counts(cell, total), strict=True):
            found[repository.strip("`"), "elsewhere" if split == "held out" else "train", stance] += n
    assert +found == expected
    assert counts(*rows[-1][4:]) == [sum(e.label is stance for e in corpus["elsewhere"]) for stance in STANCES]


def _source(example: Example) -> tuple[str, str | None]:
    """A statement's source as the table names it: eventdata/ConfliBERT, of which two folders are read, by folder."""
    name = example.repository or ""
    if name == "eventdata/ConfliBERT":
        name += " " + "/".join((example.path or "").split("/")[:2]) + "/"
    return name, example.register
