"""The text of a web page: its article where it says which part that is, without menus, scripts and forms.

Python's own parser serves: it is a walk over tags, which needs no tree, and it never fails on bad markup.
"""

import re
from html.parser import HTMLParser
from typing import Final

from service.readers import plain

DECLARED: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
HEAD_BYTES: Final = 4_096
"""Where a page's charset must be declared: the standard asks for the first 1,024 bytes, pages are less exact."""
UNREAD: Final = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "head"})
BESIDE: Final = frozenset({"nav", "aside", "footer", "form", "button", "select", "dialog", "menu"})
"""What stands beside an article."""
BREAKS: Final = re.compile(
    "address|article|blockquote|body|caption|center|dd|details|div|dl|dt|figcaption|figure|h[1-6r]|header|li|main|ol|p"
    "|pre|section|summary|table|td|th|tr|ul"
)
ARTICLE: Final = ("article", "main")
MIN_ARTICLE_CHARS: Final = 200
"""An article of fewer is a teaser among others, and the whole page is taken."""

MIN_SHARE: Final = 0.6
"""What stands outside of menus is taken for a short page's text if it has this share of all words: a menu that is never
closed would swallow the rest otherwise."""


def read(body: bytes, charset: str) -> str:
    """The text of the page, a blank line between its blocks. Raises: Unreadable."""
    declared = DECLARED.search(body[:HEAD_BYTES])
    page = _Page()
    page.feed(plain.read(body, charset or (declared[1].decode() if declared else "")))
    page.close()
    return page.text()


class _Page(HTMLParser):
    """What is read of a page, three times over: inside its article, outside of what stands beside it, and all."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._article: list[str] = []
        self._outside: list[str] = []
        self._all: list[str] = []

    def text(self) -> str:
        """The most article-like of the three that says enough."""
        article, outside, everything = ("".join(pieces) for pieces in (self._article, self._outside, self._all))
        if len(article.strip()) >= MIN_ARTICLE_CHARS:
            return article
        enough = MIN_SHARE * len(everything.split())
        is_enough = len(outside.strip()) >= MIN_ARTICLE_CHARS or len(outside.split()) >= enough
        return outside if is_enough else everything

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  # the parser calls it so
        """Note what opens."""
        if tag in UNREAD or tag in BESIDE or tag in ARTICLE:
            self._open.append(tag)
        if tag == "body" and "head" in self._open:  # a head that was never closed
            self._open.remove("head")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note what closes, and with it what was left open inside."""
        self._break(tag)
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        """Keep the words, with single spaces, as a browser shows them."""
        if not UNREAD.intersection(self._open):
            self._keep(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag == "br":
            self._keep("\n")
        elif BREAKS.fullmatch(tag):
            self._keep("\n\n")

    def _keep(self, piece: str) -> None:
        self._all.append(piece)
        if not BESIDE.intersection(self._open):
            self._outside.append(piece)
            if any(tag in self._open for tag in ARTICLE):
                self._article.append(piece)
