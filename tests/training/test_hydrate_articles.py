"""training.hydrate_articles: the text of annotated articles, found again in a clone and in files of text."""

import json
from pathlib import Path

import pytest

from training import hydrate_articles
from training.articles import WIKINEWS, Article, read_articles, write_articles
from training.examples import sha256_of_text

REPOSITORY, PATH = "vanatteveldt/wikinews", "data/w.csv"
TEXTS = ("One.", 'Monday \n\n\nThe mill reopened. Its owner, "the Count", met the union.\r\nHe said so.', "Last.")
CSV = "url,date,title,text\n" + "".join('u,2020-01-01,T,"{}"\n'.format(text.replace('"', '""')) for text in TEXTS)


def stand_off(row: int, text: str) -> Article:
    """The annotation of an invented article without a statement."""
    place = {"repository": REPOSITORY, "revision": "0" * 40, "path": PATH, "row": row}
    common = {"id": f"w-{row}", "origin": "public record", "kind": "news", "group": f"g{row}"}
    proof = {"n_chars": len(text), "sha256": sha256_of_text(text)}
    return Article.from_dict({**common, **place, **proof, "statements": [], "actors": []})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus folder with the annotation of the second and the third article."""
    write_articles(tmp_path / "data" / WIKINEWS, [stand_off(row, TEXTS[row]) for row in (1, 2)])
    return tmp_path / "data"


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    """A folder with a plain copy of the invented repository."""
    file = tmp_path / "clones" / "vanatteveldt+wikinews" / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(CSV.encode())
    return tmp_path / "clones"


def run(data: Path, *flags: object) -> int:
    """The program's exit status over a corpus folder."""
    return hydrate_articles.main(["--data", str(data), *map(str, flags)])


def texts(data: Path) -> list[str | None]:
    """The hydrated texts."""
    return [article.text for article in read_articles(data / "hydrated" / WIKINEWS)]


def test_articles_are_found_in_their_rows(data: Path, clones: Path) -> None:
    """Each article has the text of its row again, with its quotation marks, blank lines and line ends."""
    assert run(data, "--clones", clones) == 0
    assert texts(data) == [TEXTS[1], TEXTS[2]]


def test_texts_alone_suffice(data: Path, tmp_path: Path) -> None:
    """A folder of JSONL with texts gives the articles theirs, whatever else stands there."""
    (tmp_path / "texts").mkdir()
    rows = [{"text": text} for text in (*TEXTS, "Something else.")]
    (tmp_path / "texts" / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert run(data, "--texts", tmp_path / "texts") == 0
    assert texts(data) == [TEXTS[1], TEXTS[2]]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (CSV.replace("Last.", "Lost."), "1 missing: the text of the row has another sha256"),
        (CSV.partition('u,2020-01-01,T,"Last')[0], "1 missing: the file has no such row"),
        ("a,b\n1,2\n", "2 missing: the file has no such row"),
        (None, "2 missing: what is there has no such file"),
    ],
)
def test_the_cause_is_told(
    data: Path, clones: Path, capsys: pytest.CaptureFixture[str], content: str | None, cause: str
) -> None:
    """Another text in the row, a missing row and a missing file are told apart, and nothing is written."""
    file = clones / "vanatteveldt+wikinews" / PATH
    file.unlink()
    if content is not None:
        file.write_bytes(content.encode())
    assert run(data, "--clones", clones) == 1
    assert cause in capsys.readouterr().err
    assert not (data / "hydrated").exists()


def test_a_missing_clone_is_reported_with_the_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not cloned is said with the command that gets it; --allow-missing leaves it out and says so."""
    assert run(data, "--clones", tmp_path) == 1
    report = capsys.readouterr().err
    assert "2 of 2 articles have no text" in report
    assert f"git clone https://github.com/{REPOSITORY} {tmp_path}/vanatteveldt+wikinews" in report
    assert run(data, "--clones", tmp_path, "--allow-missing") == 0
    assert "0 articles with text, 2 without left out" in capsys.readouterr().out
    assert texts(data) == []


def test_unusable_inputs_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A corpus folder without the annotation ends with status 1, and no place for texts with 2."""
    assert run(tmp_path, "--clones", tmp_path) == 1
    assert f"hydrate_articles: {tmp_path / WIKINEWS}: no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        run(tmp_path)
    assert usage.value.code == 2
