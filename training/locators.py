"""From a file of the public record to the paragraphs in it: one small function per source.

A reader takes the file as text and yields (locator, paragraph). How a sentence was cut out of its paragraph need not
be known: a paragraph falls into pieces wherever a sentence may end, and the statement is the run of pieces whose
sha256 is the annotated one.
"""

import csv
import html
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from training.examples import sha256_of_text

Paragraphs = Iterator[tuple[str, str]]
Reader = Callable[[str], Paragraphs]

WHOLE: Final = "file"
"""The locator of a whole file."""
MAX_PIECES: Final = 40
"""Pieces in one statement; the longest annotated one has 18, for it is full of abbreviations ("No. 4")."""

_PIECE_END: Final = re.compile(r"""\n|(?<=[.!?"'”\u2019)\]])\s+""")
_TAG: Final = re.compile(r"<[^>]+>")
_RUN: Final = re.compile(r"run of \d+ characters")
_RUN_START: Final = re.compile(r"(?<!\w)\S")
"""Where a statement may start in folded text: at a word, or at what stands before or behind one."""


def find_statement(paragraph: str, sha256: str) -> str | None:
    """The statement with that sha256 in a paragraph, its white space folded; None where there is none."""
    pieces = [folded for piece in _PIECE_END.split(paragraph) if (folded := fold(piece))]
    for n_pieces in range(1, min(MAX_PIECES, len(pieces)) + 1):  # most statements are one or two
        for start in range(len(pieces) - n_pieces + 1):
            text = " ".join(pieces[start : start + n_pieces])
            if sha256_of_text(text) == sha256:
                return text
    return None


def is_run(locator: str) -> bool:
    """Whether a statement is found by its length alone, in any file."""
    return _RUN.fullmatch(locator) is not None


def run_locator(text: str) -> str:
    """The locator of a statement that is a stretch of its file, wherever in it, by its length alone."""
    return f"run of {len(text)} characters"


def find_run(content: str, locator: str, sha256: str) -> str | None:
    """The stretch of a file that ``run_locator`` named, white space folded; None where nothing has that sha256.

    Looked for in the file as it is, without its markup and entities, and with the quotation marks of JSON or CSV
    undone.
    """
    n_chars = int(locator.split()[2])
    plain = html.unescape(_TAG.sub(" ", content))
    unquoted = content.replace('\\"', '"').replace("\\n", "\n").replace('""', '"')
    for folded in dict.fromkeys(map(fold, (content, plain, unquoted))):
        for start in _RUN_START.finditer(folded):
            text = folded[start.start() : start.start() + n_chars]
            if sha256_of_text(text) == sha256:
                return text
    return None


def fold(text: str) -> str:
    """The text with every run of white space as one space, and none at the ends."""
    return " ".join(text.split())


def whole(content: str) -> Paragraphs:
    """Any file: all of it."""
    yield WHOLE, content


def speeches(content: str) -> Paragraphs:
    """Presidential speeches: a paragraph a line, between markup in angle brackets."""
    for number, line in enumerate(content.split("\n"), start=1):
        yield f"line {number}", _TAG.sub("", line)


def debates(content: str) -> Paragraphs:
    """European Parliament debates: a paragraph a line."""
    for number, line in enumerate(content.split("\n"), start=1):
        yield f"line {number}", line


def briefings(content: str) -> Paragraphs:
    """White House briefings: HTML inside a Python bytes literal; a paragraph a line that is not blank.

    Words in capitals become pieces of their own, for a speaker's name may stand in the middle of a line.
    """
    literal = re.search(r"(?<!\w)b['\"]", content)
    body = _TAG.sub("", _unescaped(content[literal.end() :] if literal else content))
    lines = (line.strip() for line in html.unescape(body).split("\n"))
    for number, line in enumerate(filter(None, lines), start=1):
        yield f"line {number}", re.sub(r"(?<!\S)((?:Q|[A-Z][A-Z.'-]+)(?:\s?:)?)(?!\S)", r"\n\1\n", line)


def _unescaped(literal: str) -> str:
    """The text of a bytes literal that holds UTF-8."""
    characters = literal.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")
    return characters.encode("latin-1", "replace").decode("utf-8", "replace")


def addresses(content: str) -> Paragraphs:
    """UN General Debate: paragraphs between blank lines; one that a page break cut in two is put together."""
    paragraphs: list[str] = []
    for block in filter(None, map(fold, re.split(r"\n\s*\n", content))):
        if paragraphs and paragraphs[-1][-1] not in '.!?:;"”\u2019' and re.match("[a-z(]", block):
            paragraphs[-1] += f" {block}"
        else:
            paragraphs.append(block)
    for number, paragraph in enumerate(paragraphs):
        yield f"para {number}", paragraph


def council(content: str) -> Paragraphs:
    """UN Security Council: a table with a tokenised sentence a row, the head of the table being row 1.

    A paragraph is a sentence with its neighbours in the same speech, whose rows do not all stand together.
    """
    speeches: dict[str, list[tuple[int, str]]] = {}
    for number, row in enumerate(_table(content), start=2):
        speeches.setdefault(row["filename"], []).append((number, detokenise(row["sentence_text"])))
    for sentences in speeches.values():
        for i, (number, _) in enumerate(sentences):
            yield f"row {number}", "\n".join(sentence for _, sentence in sentences[max(i - 1, 0) : i + 2])


def tweets(content: str) -> Paragraphs:
    """Tweets: a table with a tweet a row, links taken out. Row 1 is the head of the table."""
    for number, row in enumerate(_table(content), start=2):
        yield f"row {number} id {row['id_str']}", html.unescape(re.sub(r"https?://\S+", "", row["text"] or ""))


def hansard(content: str) -> Paragraphs:
    """UK Hansard: XML paragraphs with an id, without the member's name, column marks and the question's number."""
    for name, paragraph in re.findall(r'<p id="([^"]+)"[^>]*>(.*?)</p>', content, re.DOTALL):
        spoken = re.sub(r"<(member|col)>.*?</\1>", "", paragraph, flags=re.DOTALL)
        spoken = html.unescape(_TAG.sub("", spoken))
        yield f"p id {name}", re.sub(r"^\s*\d+\.\s", "", spoken).lstrip(" :")


def reports(content: str) -> Paragraphs:
    """FBIS reports (MUC-4): JSON documents by name, each with paragraphs between blank lines."""
    for name, document in json.loads(content).items():
        for number, paragraph in enumerate(re.split(r"\n\s*\n", document["doc"])):
            yield f"{name} para {number}", paragraph


def entities(content: str) -> Paragraphs:
    """re3d: a token and its tag a line; a paragraph is the lines between blank ones, named by its first line."""
    lines = enumerate(content.split("\n"), start=1)
    for is_blank, block in itertools.groupby(lines, key=lambda line: not line[1].strip()):
        if not is_blank:
            numbers, tokens = zip(*((number, line.split("\t")[0]) for number, line in block), strict=True)
            yield f"line {numbers[0]}", detokenise(" ".join(tokens))


def articles(content: str) -> Paragraphs:
    """Wikinews: a table with an article a row, counted from 0; paragraphs between line breaks."""
    for row_number, row in enumerate(_table(content)):
        for number, paragraph in enumerate(re.split(r"\n+", row["text"])):
            yield f"row {row_number} para {number}", paragraph


def whole_articles(content: str) -> Paragraphs:
    """Wikinews again: the whole text of each article, as it is."""
    for row_number, row in enumerate(_table(content)):
        yield f"row {row_number}", row["text"]


def _table(content: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(content, newline=""))


_JOINS: Final = (
    (re.compile(r"\s+([,.;:!?%)\]”])"), r"\1"),
    (re.compile(r"([(\[$“])\s+"), r"\1"),
    (re.compile(r"\s+('s|n't|'re|'ve|'ll|'d|'m|\u2019s|\u2019t)\b"), r"\1"),
    (re.compile(r"(\w)\s+([-/])\s+(\w)"), r"\1\2\3"),
    (re.compile(r"(\w)\s+['\u2019]\s+(\w)"), "\\1\u2019\\2"),
)
"""What the tokenisers of two sources took apart, in the order in which it was put together for the annotators."""


def detokenise(tokens: str) -> str:
    """Tokens as ordinary text: no spaces before commas, inside brackets, around hyphens."""
    for pattern, replacement in _JOINS:
        tokens = pattern.sub(replacement, tokens)
    return fold(tokens)
