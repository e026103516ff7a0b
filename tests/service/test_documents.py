"""Files: their text comes out, hostile ones die alone and in time, and nothing touches the disk."""

import asyncio
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.documents import KINDS, Documents
from service.errors import BadRequest
from service.readers.pdf import paragraphs, without_margins


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """What makes the files."""
    path = Path(__file__).with_name("documents.py")
    spec = importlib.util.spec_from_file_location("made_documents", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(body: bytes, kind: str, *, charset: str = "", seconds: float = 120, max_chars: int = 10_000) -> str:
    """The text of a file."""
    deadline = time.monotonic() + seconds
    return asyncio.run(Documents(max_chars).text(body, kind=kind, charset=charset, deadline=deadline))


def refusal(body: bytes, kind: str, **options: Any) -> tuple[str, str]:
    """The code and the message with which a file is refused."""
    with pytest.raises(BadRequest) as error:
        read(body, kind, **options)
    return error.value.kind.code, error.value.message


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("Grüße — talks.".encode(), ""),
        ("Grüße — talks.".encode("utf-8-sig"), ""),
        ("Grüße — talks.".encode("utf-16"), ""),
        ("Grüße — talks.".encode("windows-1252"), ""),
        ("Grüße — talks.".encode("cp437", "replace").replace(b"?", b"-"), "cp437"),
    ],
    ids=["utf-8", "mark", "utf-16", "windows", "declared"],
)
def test_plain_text_in_any_encoding(body: bytes, charset: str) -> None:
    """A text file is read by its mark, by the charset it came with, as UTF-8, or as Windows has it."""
    assert read(body, "txt", charset=charset).replace("-", "—") == "Grüße — talks."


def test_a_web_page_gives_its_article() -> None:
    """Of a page the article is read, block by block, without menu, script, style and footer."""
    words = "The talks will go on, both sides said on Monday. " * 5
    page = (
        '<html><head><title>T</title><meta charset="utf-8"><script>var x = "<p>no</p>";</script></head>'
        f"<body><nav>Menu</nav><article><h1>The  head</h1><p>{words}</p><p>Caf&eacute;&nbsp;&amp; <b>more</b></p>"
        "<style>p {}</style></article><footer>Imprint</footer></body></html>"
    )
    assert read(page.encode(), "html") == f"The head\n\n{words.strip()}\n\nCafé & more"


def test_a_page_that_is_broken_is_read_all_the_same() -> None:
    """Tags that are never closed or opened cost no words."""
    assert read(b"<p>One<nav><p>Two</div></span>", "html").split() == ["One", "Two"]


def test_a_short_page_is_read_without_its_menu() -> None:
    """A page of one sentence has no article, and its menu is left out all the same."""
    assert read(b"<nav>Menu</nav><p>We will talk again on Monday.</p>", "html") == "We will talk again on Monday."


def test_a_word_document_gives_its_paragraphs(made: ModuleType) -> None:
    """Paragraphs, breaks and tabs come out; deleted words and field codes do not."""
    document = made.docx(
        "<w:t>Hello </w:t><w:t>there.</w:t>",
        "<w:t>A</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:del><w:r><w:delText>old</w:delText></w:r></w:del>",
        "<w:instrText>PAGE</w:instrText><w:t>End.</w:t>",
    )
    assert read(document, "docx") == "Hello there.\n\nA\tb\nc\n\nEnd."


def test_a_pdf_gives_its_paragraphs(made: ModuleType) -> None:
    """Lines are put together to paragraphs, words that were parted too, and page numbers are left out."""
    first = ["The two delegations will meet again on Monday, the media-", "tor said after the talks had ended.", "Yes."]
    text = read(made.pdf([*first, "1"], ["A second page follows the first one here, as long as it.", "2"]), "pdf")
    assert text.startswith("The two delegations will meet again on Monday, the mediator said after the talks had")
    assert "1" not in text.split()
    assert "A second page follows" in text


def test_lines_become_paragraphs() -> None:
    """A short line that ends a sentence, a bullet and a speaker's label begin a new paragraph; others run on."""
    lines = ["A line that is as long as most of them", "and its end.", "The next one is as long as most", "- a bullet"]
    assert paragraphs(lines).split("\n\n") == [
        "A line that is as long as most of them and its end.",
        "The next one is as long as most",
        "- a bullet ",
    ]


def test_heads_and_feet_are_left_out() -> None:
    """A first or last line that pages repeat is none of the text; one that stands on one page is."""
    pages = [["Daily Bulletin", f"Text {number}.", f"Page {number}"] for number in range(1, 5)]
    assert without_margins(pages) == [[f"Text {number}."] for number in range(1, 5)]
    assert without_margins([["Only here", "Text."]]) == [["Only here", "Text."]]


def test_a_locked_pdf_says_so(made: ModuleType) -> None:
    """A PDF under a password is refused with the reason; one whose password is empty is read."""
    code, message = refusal(made.locked_pdf("secret", "We will talk."), "pdf")
    assert (code, "password" in message) == ("unreadable_file", True)
    assert read(made.locked_pdf("", "We will talk."), "pdf") == "We will talk."


def test_a_scan_says_so(made: ModuleType) -> None:
    """A PDF without any text is told from an empty statement: recognise its text first."""
    code, message = refusal(made.pdf([]), "pdf")
    assert (code, "scan" in message) == ("empty_text", True)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"We will talk.", "pdf", "no PDF"),
        (b"%PDF-1.4 and nothing more", "pdf", "damaged"),
        (b"We will talk.", "docx", "no Word document"),
        (b"PK\x03\x04 and nothing more", "docx", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "docx", r"\.doc\)"),
        (b"{\\rtf1 talks}", "txt", "RTF"),
        (b"%PDF-1.4", "txt", "a PDF"),
        (b"PK\x03\x04", "html", "zip"),
        (bytes(range(32)) * 20, "txt", "no text"),
    ],
)
def test_what_it_is_not_is_said(body: bytes, kind: str, says: str) -> None:
    """A file that is damaged, or another than it is sent as, is refused with what it is."""
    code, message = refusal(body, kind)
    assert code == "unreadable_file"
    assert says.replace("\\", "") in message


def test_a_zip_without_a_document_is_none(made: ModuleType) -> None:
    """A zip that is no Word document is refused as one."""
    assert refusal(made.zipped("other.txt", "x"), "docx") == ("unreadable_file", "this is no Word document (.docx)")


def test_a_zip_bomb_goes_off_nowhere(made: ModuleType) -> None:
    """A document that unpacks to 300 MB is refused after a few, in a moment."""
    bomb = made.zipped("word/document.xml", b"<a>" + bytes(300_000_000) + b"</a>")
    started = time.monotonic()
    assert refusal(bomb, "docx")[0] == "file_too_complex"
    assert time.monotonic() - started < 60


def test_an_entity_bomb_goes_off_nowhere(made: ModuleType) -> None:
    """XML that declares entities, as no Word document does, is refused unread."""
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    bomb = made.zipped("word/document.xml", f"<!DOCTYPE x [{entities}]><x>&h;</x>")
    assert refusal(bomb, "docx") == ("unreadable_file", "the Word document is damaged")


def test_a_file_that_is_nested_too_deeply_dies_alone(made: ModuleType) -> None:
    """What breaks the process that reads it is refused, and the next file is read."""
    deep = made.zipped("word/document.xml", "<a>" * 200_000 + "</a>" * 200_000)
    assert refusal(deep, "docx")[0] == "file_too_complex"
    assert read(made.docx("<w:t>Next.</w:t>"), "docx") == "Next."


def test_a_file_that_takes_too_long_is_given_up(made: ModuleType) -> None:
    """Reading ends at the request's deadline, and the process with it; the event loop turns meanwhile."""

    async def scenario() -> int:
        turns, documents = 0, Documents(10**9)
        body = made.pdf([f"Line {number} of many." for number in range(100_000)])
        reading = asyncio.create_task(documents.text(body, kind="pdf", charset="", deadline=time.monotonic() + 0.5))
        while not reading.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(BadRequest) as error:
            reading.result()
        assert error.value.kind.code == "file_too_complex"
        return turns

    assert asyncio.run(scenario()) > 5


def test_a_text_that_is_too_long_is_refused() -> None:
    """The limit of an article holds for a file's text, not for its bytes."""
    assert refusal(b"word " * 2_001, "txt")[0] == "text_too_long"
    assert read(b"word     \n" * 1_200, "txt", max_chars=6_000).split("\n")[0] == "word"


def test_every_kind_is_a_media_type(make_client: Callable[..., Any], made: ModuleType) -> None:
    """Each media type that can be sent is read as what it says, and the answer has the text that places count in."""
    client = make_client()
    paragraph = "<w:t>We will talk.</w:t>"
    bodies = {"txt": b"We will talk.", "html": b"<p>We will talk.</p>", "pdf": made.pdf(["We will talk."])}
    bodies["docx"] = made.docx(paragraph)
    for media_type, kind in KINDS.items():
        response = client.post("/analyze/file", content=bodies[kind], headers={"content-type": media_type})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["text"] == "We will talk."
        assert [answer["text"][one["start"] : one["end"]] for one in answer["statements"]] == ["We will talk."]


def test_another_kind_is_refused(client: Any, assert_refused: Callable[..., Any]) -> None:
    """A media type that cannot be read is refused with those that can."""
    response = client.post("/analyze/file", content=b"x", headers={"content-type": "image/png"})
    assert "application/pdf" in assert_refused(response, "unsupported_media_type")["message"]
    response = client.post("/analyze/file", content=b"x", headers={"content-type": "application/pdf"})
    assert_refused(response, "unreadable_file")


def test_reading_writes_no_file(tmp_path: Path) -> None:
    """The process that reads a file is not able to write one."""
    import subprocess
    import sys

    program = (
        "from service.readers.__main__ import confine; confine(); import signal; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); open(sys.argv[1], 'wb', 0).write(b'text')"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}", str(tmp_path / "out")],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "File too large" in done.stderr
    assert (tmp_path / "out").stat().st_size == 0
