"""Whose voice a whole text is in: the body that issues a communique, a press release or an editorial."""

import re
from collections import Counter
from typing import Final

_ISSUED_BY: Final = re.compile(
    r"(?:statement|communiqu[eé]|declaration|appeal|message|resolution|press release)\s+(?:of|by|from)\s+(?P<body>(?:the\s)?[A-Z][\w'’.-]*"
    r"(?:\s(?:(?:of|for|the|and)\s){0,2}[A-Z][\w'’.-]*)*)",
    re.IGNORECASE,
)
_SIGNS: Final = re.compile(
    r"for immediate release|press release|communiqu[eé]|media contact|press contact|notes? to editors|(?m:^about [A-Z][^\n]{1,60}:)|"
    r"not for distribution|(?m:^joint (?:statement|declaration))|(?m:^statement (?:of|by|on))|done (?:in|at)\b",
    re.IGNORECASE,
)
_ABOUT: Final = re.compile(r"^About (?P<body>[A-Z][^\n:]{1,60}):", re.MULTILINE)
_SUBJECT: Final = re.compile(
    r"(?m)(?:^|(?<=[.!?]\s))(?P<body>(?:The |the )?[A-Z][\w’'-]*(?:\s[A-Z][\w’'-]*){0,4})\s(?=[a-z])"
)
_WE: Final = re.compile(r"\b(?:[Ww]e|[Oo]ur|us)\b")


def issuer_of(text: str, unquoted: str) -> str | None:
    """The body in whose voice a text is, or None for a report; ``unquoted`` is the text with its quotations masked."""
    head = text[:400]
    tail = text[-600:]
    signs = len(_SIGNS.findall(head)) + len(_SIGNS.findall(tail))
    n_we = len(_WE.findall(unquoted))
    if not signs and n_we < max(3, len(unquoted) / 400):
        return None
    for pattern, where in ((_ABOUT, tail), (_ISSUED_BY, head)):
        if match := pattern.search(where):
            return match["body"].strip()
    subjects = Counter(re.sub(r"^[Tt]he ", "", match["body"]) for match in _SUBJECT.finditer(unquoted))
    subjects = Counter({name: n for name, n in subjects.items() if len(name) > 3})
    if not subjects or not signs:
        return None
    return subjects.most_common(1)[0][0]
