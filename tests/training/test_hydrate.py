"""training.hydrate: the text of the public record, found again in clones and files of text."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from training import hydrate, standoff
from training.clones import folder_name
from training.examples import read_examples, sha256_of_text
from training.record_sources import RECORD_SOURCES, source_of

SPEECH = '<title="T">\n<date="D">\nWe <i>shall</i> talk. Mr. Ash knows.\n'
BRIEFING = (
    "<h1>Briefing by Jo Vane, Rob's last</h1>\n"
    r"""b'<div>\n<p>Garden Room</p>\n<p>\n\tMS. VANE:\xc2\xa0 Good day.\xc2\xa0 It\'s late.</p>\n"""
    r"""<p>Q\xc2\xa0 News? MS. VANE: The ferry pact&amp;protocol holds \xe2\x80\x94 for now. Fine.</p></div>'"""
)
ADDRESS = (
    "Mr. President,\n\nOur ports have quarrelled\nfor years, and the\n\nquarrel can end. We offer.\n\nThank you.\n"
)
COUNCIL = (
    "sentence_text,filename\n"
    '"We came .",A\n'
    '"Another speech stands between .",B\n'
    "\"They did n't answer the island ' s cross - border appeal .\",A\n"
)
TWEETS = 'text,id_str\n"Great call with “Orsina” &amp; friends! https://t.co/x1",71\n"No deal. None.",72\n'
HANSARD = (
    '<p id="X-1">3. <member>Mr. Dunn</member><membercontribution> asked what the Board <i>offered</i>.</p>\n'
    '<p id="X-2"><member>Mr. Ash</member>:It offered <col>12</col>nothing. It will\nnot.</p>'
)
REPORT = {"DEV-9": {"doc": "PORT VALE, 3 MAY.\n\nTHE UNION LEFT\nTHE TABLE.  IT WILL\nNOT RETURN."}}
ENTITIES = "\n\nThe\tO\nVale\tLOC\n,\tO\nhe\tO\nsaid\tO\n,\tO\nis\tO\nopen\tO\n.\tO\n\nNo\tO\nmore\tO\n.\tO\n"
ARTICLES = 'title,text\nOne,x\nTwo,"Monday\n\n\nThe mill reopened. Its owner, ""the Count"", met the union."\n'

FILES: dict[tuple[str, str], str] = {
    ("fionn-mac/Presidential-Speeches", "Dataset/v.txt"): SPEECH,
    ("RIstiaque/Country-Counting-from-Press-Briefings", "pressBriefings/1.html"): BRIEFING,
    ("ufal/europarlmin", "train/ep-1.txt"): "<P>\n   The pact holds.   It must.\n",
    ("vnglst/un-speeches", "data/xx_en.txt"): ADDRESS,
    ("linatal/UNSCon", "data/c.csv"): COUNCIL,
    ("plantologist/Trump_tweets_1_October_2019", "t.csv"): TWEETS,
    ("anjackson/hansard", "spec/data/h.xml"): HANSARD,
    ("eventdata/ConfliBERT", "data/muc4/train.json"): json.dumps(REPORT),
    ("eventdata/ConfliBERT", "data/re3d/train.txt"): ENTITIES,
    ("vanatteveldt/wikinews", "data/w.csv"): ARTICLES,
}
STATEMENTS = [  # repository's first letters, locator, sentence, text
    ("fionn", "line 3", 0, "We shall talk."),
    ("fionn", "line 3", 1, "We shall talk. Mr. Ash knows."),
    ("RI", "line 2", 0, "Good day."),
    ("RI", "line 2", 1, "Good day. It's late."),
    ("RI", "line 3", 0, "The ferry pact&protocol holds — for now."),
    ("ufal", "line 2", 1, "It must."),
    ("vnglst", "para 1", 0, "Our ports have quarrelled for years, and the quarrel can end."),
    ("vnglst", "para 2", 0, "Thank you."),
    ("linatal", "row 2", 0, "We came."),
    ("linatal", "row 4 (with preceding sentence)", 2, "We came. They didn't answer the island’s cross-border appeal."),
    ("plant", "row 2 id 71", 0, "Great call with “Orsina” & friends!"),
    ("plant", "row 3 id 72", 0, "No deal. None."),
    ("anj", "p id X-1", 0, "asked what the Board offered."),
    ("anj", "p id X-2", 1, "It will not."),
    ("eventdata/ConfliBERT data/muc4", "DEV-9 para 1", 0, "THE UNION LEFT THE TABLE."),
    ("eventdata/ConfliBERT data/re3d", "line 3", 0, "The Vale, he said, is open."),
    ("eventdata/ConfliBERT data/re3d", "line 13", 0, "No more."),
    ("vanat", "row 1 para 1", 1, 'Its owner, "the Count", met the union.'),
]

Write = Callable[..., Path]


def rows() -> Iterator[dict[str, Any]]:
    """The invented statements as annotated rows with text."""
    for number, (start, locator, sentence, text) in enumerate(STATEMENTS):
        repository, path = next(key for key in FILES if " ".join(key).startswith(start))
        yield {
            "id": f"train-{number}",
            "text": text,
            "label": "none",
            "confidence": 2,
            "source": repository,
            "path": path,
            "locator": locator,
            "sentence": sentence,
            "sha256": sha256_of_text(text),
        }


def write_jsonl(path: Path, content: list[dict[str, Any]]) -> Path:
    """A JSONL file of these rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return path


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    """A folder of plain copies of the nine invented repositories."""
    for (repository, path), content in FILES.items():
        file = tmp_path / "clones" / folder_name(repository) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode(source_of(repository, path).encoding))
    return tmp_path / "clones"


@pytest.fixture
def write_data(tmp_path: Path) -> Write:
    """Writes rows as a corpus folder of stand-off annotation."""

    def write(record: list[dict[str, Any]], dev: list[dict[str, Any]] = ()) -> Path:  # type: ignore[assignment]  # an empty tuple is as good as an empty list here
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        for name, content in (("record", record), ("dev", list(dev))):
            annotated = write_jsonl(tmp_path / f"{name}.jsonl", content)
            assert standoff.main([str(annotated), "--output", str(data / f"{name}.jsonl")]) == 0
        return data

    return write


def run(data: Path, *flags: object) -> int:
    """The program's exit status over a corpus folder."""
    return hydrate.main(["--data", str(data), *map(str, flags)])


def texts(data: Path, name: str = "record") -> dict[str, str | None]:
    """The hydrated texts by id."""
    return {example.id: example.text for example in read_examples(data / "hydrated" / f"{name}.jsonl")}


def git(folder: Path, *arguments: str) -> str:
    """What a git command prints; the commit's author is given here, for machines where none is configured."""
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *author, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path) -> str:
    """Make a folder a git repository, commit what is in it and return the revision."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "as annotated")
    return git(folder, "rev-parse", "HEAD")


def test_statements_of_every_source_are_found_in_plain_folders(clones: Path, write_data: Write) -> None:
    """From standoff to hydrate and back, every statement of every source has its own text again."""
    data = write_data(list(rows()))
    assert all(example.text is None for example in read_examples(data / "record.jsonl"))
    assert run(data, "--clones", clones) == 0
    assert texts(data) == {row["id"]: row["text"] for row in rows()}


def test_every_source_with_a_reader_is_tried_here() -> None:
    """The invented files cover the whole table of sources."""
    tried = {id(source_of(*key)) for key in FILES}
    assert tried == {id(source) for source in RECORD_SOURCES if source.reader}


def test_git_is_read_at_the_annotated_revision(clones: Path, write_data: Write) -> None:
    """Statements of every source are found in clones, whatever was committed there since."""
    revisions = {}
    for folder in clones.iterdir():
        revisions[folder.name] = commit_all(folder)
        for file in [file for file in folder.rglob("*.*") if file.is_file() and ".git" not in file.parts]:
            file.write_text("later\n", encoding="utf-8")
        commit_all(folder)
    data = write_data([{**row, "commit": revisions[folder_name(row["source"])]} for row in rows()])
    assert run(data, "--clones", clones) == 0
    assert texts(data) == {row["id"]: row["text"] for row in rows()}


def test_dev_statements_need_neither_sentence_nor_commit(clones: Path, write_data: Write) -> None:
    """Without an index every sentence, and every sentence with its neighbours, is tried until the sha256 fits."""
    dev = [{key: value for key, value in row.items() if key not in ("sentence", "confidence")} for row in rows()]
    data = write_data([], dev)
    assert run(data, "--clones", clones) == 0
    assert texts(data, "dev") == {row["id"]: row["text"] for row in rows()}


def test_texts_alone_suffice(tmp_path: Path, write_data: Write) -> None:
    """A file of texts, or a folder of them, gives the texts of all statements, those of no clonable source too."""
    by_hand = {**next(rows()), "id": "d", "text": "Agreed.", "sha256": sha256_of_text("Agreed."), "path": "v.xml"}
    everything = [*rows(), {**by_hand, "source": "HistoryAtState/frus", "locator": "d12; by hand"}]
    data = write_data(everything)
    (tmp_path / "texts").mkdir()
    file = write_jsonl(tmp_path / "texts" / "any.jsonl", everything)
    for path in (file, file.parent):
        assert run(data, "--texts", path) == 0
        assert texts(data) == {row["id"]: row["text"] for row in everything}


def test_texts_and_clones_together(clones: Path, tmp_path: Path, write_data: Write) -> None:
    """What the texts lack comes from the clones."""
    data = write_data(list(rows()))
    half = write_jsonl(tmp_path / "half.jsonl", list(rows())[::2])
    assert run(data, "--texts", half) == 1
    assert run(data, "--texts", half, "--clones", clones) == 0
    assert len(texts(data)) == len(STATEMENTS)


def test_missing_repository_is_reported_with_the_command(
    clones: Path, write_data: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report counts the statements of each missing repository and says how to get it.

    Nothing is written, unless --allow-missing asks for what is there; then the number left out is said.
    """
    (clones / "vnglst+un-speeches").rename(clones / "elsewhere")
    data = write_data(list(rows()))
    assert run(data, "--clones", clones) == 1
    report = capsys.readouterr().err
    assert "vnglst/un-speeches: 2 missing: not cloned" in report
    assert f"git clone https://github.com/vnglst/un-speeches {clones}/vnglst+un-speeches" in report
    assert not (data / "hydrated").exists()
    assert run(data, "--clones", clones, "--allow-missing") == 0
    assert len(texts(data)) == len(STATEMENTS) - 2
    assert "2 without left out" in capsys.readouterr().out


def test_statements_copied_by_hand_are_reported_as_such(
    clones: Path, write_data: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no locator leads to is named, without a clone command, and does not hold up what clones can give."""
    data = write_data([], [{**next(rows()), "source": "HistoryAtState/frus", "path": "v.xml", "locator": "by hand"}])
    assert run(data, "--clones", clones) == 0
    report = capsys.readouterr().err
    assert "HistoryAtState/frus: 1 missing" in report
    assert "only --texts" in report
    assert "git clone" not in report


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"path": "train/ep-2.txt"}, "no such file"),
        ({"locator": "line 99"}, "no such paragraph"),
        ({"text": "Not in the file.", "sha256": sha256_of_text("Not in the file.")}, "no sentence of the paragraph"),
    ],
)
def test_the_cause_is_told(
    clones: Path, write_data: Write, capsys: pytest.CaptureFixture[str], change: dict[str, str], cause: str
) -> None:
    """A missing file, a missing paragraph and a missing sentence are told apart."""
    row = next(row for row in rows() if row["source"] == "ufal/europarlmin")
    assert run(write_data([{**row, **change}]), "--clones", clones) == 1
    assert cause in capsys.readouterr().err


def test_changed_files_give_no_text(clones: Path, write_data: Write) -> None:
    """A text whose sha256 is not the annotated one is never taken, from a clone or from a file of texts."""
    row = next(row for row in rows() if row["source"] == "ufal/europarlmin")
    data = write_data([row])
    (clones / "ufal+europarlmin" / row["path"]).write_text("<P>\nThe pact holds. It must not.\n", encoding="utf-8")
    forged = write_jsonl(clones / "forged.jsonl", [{**row, "text": "It must not."}])
    assert run(data, "--clones", clones, "--texts", forged) == 1


def test_a_file_of_another_format_is_reported_not_raised(clones: Path, write_data: Write) -> None:
    """A file that is not what its source's files are counts as missing its paragraphs."""
    (clones / "eventdata+ConfliBERT" / "data/muc4/train.json").write_text("no JSON", encoding="utf-8")
    (clones / "linatal+UNSCon" / "data/c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    data = write_data(list(rows()))
    assert run(data, "--clones", clones, "--allow-missing") == 0
    assert len(texts(data)) == len(STATEMENTS) - 3


def test_a_clone_that_git_cannot_read_is_an_error(clones: Path, write_data: Write) -> None:
    """A damaged clone ends the program with status 1, not with missing statements or a traceback."""
    (clones / "ufal+europarlmin" / "objects").mkdir()
    (clones / "ufal+europarlmin" / "HEAD").write_text("damaged", encoding="utf-8")
    assert run(write_data(list(rows())), "--clones", clones, "--allow-missing") == 1


def test_usage_errors(tmp_path: Path, write_data: Write) -> None:
    """Neither clones nor texts, or a path that is not there, is a usage error: status 2."""
    data = write_data(list(rows()))
    for flags in ([], ["--clones", tmp_path / "nowhere"], ["--texts", tmp_path / "nowhere.jsonl"]):
        with pytest.raises(SystemExit) as usage:
            run(data, *flags)
        assert usage.value.code == 2


def test_unusable_inputs_are_named(tmp_path: Path, write_data: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A text file that is no JSONL, a corpus without files and a statement without sha256 end with status 1."""
    data = write_data(list(rows()))
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\nnot json\n', encoding="utf-8")
    assert run(data, "--texts", tmp_path / "bad.jsonl") == 1
    assert "bad.jsonl:2: not a JSON object" in capsys.readouterr().err
    assert run(tmp_path, "--clones", tmp_path) == 1
    row = json.loads((data / "record.jsonl").read_text(encoding="utf-8").split("\n")[0])
    write_jsonl(data / "record.jsonl", [{**row, "sha256": None}])
    assert run(data, "--clones", tmp_path) == 1
    assert "states no sha256" in capsys.readouterr().err
