"""Whose voice a whole text is in: the body that issues a communique, a press release or an editorial."""

import re
from collections import Counter
from typing import Final

from models.titles import BODIES, NO_NAMES

_NAME: Final = r"[A-Z][\w'’.-]*\w['’]?(?:[ ](?:(?:of|for|and|[Aa]gainst)[ ](?:the[ ])?)?[A-Z][\w'’.-]*\w['’]?)*"
_NAMED: Final = (
    re.compile(rf"(?m)^About (?P<body>{_NAME}):"),
    re.compile(r"\bWe, (?P<body>the [\w\s'’]{3,60}?)(?=,|\s(?:were|have|having|met|declare|state|call|address)\b)"),
    re.compile(
        r"(?m)(?:(?i:statement|communiqu[eé]|declaration|appeal|message|resolution|reply|bulletin|proclamation|letter|"
        rf"announcement no\. ?\d+|press release))\s(?:of|by|from)\s(?:the\s)?(?P<body>{_NAME})"
    ),
    re.compile(rf"(?m)^From:? (?:the )?(?:[A-Z][\w ]+ Office, )?(?P<body>{_NAME})"),
    re.compile(rf"(?m)^(?:PRESS RELEASE|Press release) [—–-] (?P<body>{_NAME})"),
    re.compile(
        r"\bThe (?P<body>(?:[A-Z][\w'’-]+\s){0,2}(?:Courier|Argus|Times|Herald|Gazette|Weekly|Lantern|Chronicle|Echo|"
        r"Observer|Tribune|Mercury|Examiner|Journal|Telegraph|Mail|Post|Star|Standard))(?=\s[a-z])"
    ),
)
"""What names the issuer, the surest first."""
_SIGNS: Final = re.compile(
    r"(?i:for immediate release|for release|press release|communiqu[eé]|media contact|press contact|notes? to editors|"
    r"not for distribution|final declaration|adopted (?:in|at|by)|(?m:^contact: )|(?m:^done (?:in|at)))|"
    r"(?m:^About [A-Z][^\n]{1,60}:)|"
    r"(?m:^(?:Joint |JOINT )?(?:Statement|STATEMENT|Declaration|DECLARATION|Proclamation|Resolution|Announcement No))|"
    r"(?m:^(?:The Command|For the) [A-Z])|(?m:^Editorial\b)|(?i:\bthis newspaper\b)"
)
_FIRST: Final = re.compile(
    rf"^(?:[\W\d]*(?:Today|Yesterday|On \w+day),?\s)?(?:The |the )?(?P<body>{_NAME})(?=,|\s[a-z])"
)
_SUBJECT: Final = re.compile(
    r"(?:^|(?<=[.!?]\s)|(?<=\n))(?:\d+\.\s)?The (?P<body>[A-Z][\w’'-]*(?:\s[A-Z][\w’'-]*){0,4})\s(?=[a-z])"
)
_MEMBERS: Final = re.compile(
    r"^(?:(?:Political |Executive )?(?:Members|Board|Bureau|Command|Representatives|Secretariat|Committee)"
    r" of (?:the )?)(?=[A-Z])"
)
_WE: Final = re.compile(r"\b(?:[Ww]e|[Oo]ur|[Uu]s)\b(?!\.)")
_REPORTED: Final = re.compile(r"\b(?:said|told|says|tells|according to|asked)\b")
MIN_WE: Final = 3
"""So often must "we" and "our" stand outside of quotations where nothing else says that a text is its issuer's own."""


def has_voice(unquoted: str) -> bool:
    """Whether a text speaks for its issuer; ``unquoted`` is the text with its quotations masked."""
    n_we = len(_WE.findall(unquoted))
    n_reported = len(_REPORTED.findall(unquoted))
    if _SIGNS.search(unquoted[:300]) or _SIGNS.search(unquoted[-400:]):
        return n_reported < 3 + len(unquoted) / 250
    return n_we >= MIN_WE and n_we > 2 * n_reported and 400 * n_we > len(unquoted)


def issuer_of(text: str, sentences: list[str]) -> str | None:
    """The words that name the issuer of a text that has a voice, or None where they are not found."""
    for pattern in _NAMED:
        if (match := pattern.search(text)) and match["body"].split()[0] not in NO_NAMES:
            return match["body"]
    subjects = Counter(match["body"] for sentence in sentences for match in _SUBJECT.finditer(sentence))
    for sentence in sentences:
        if len(sentence) > 40 and (match := _FIRST.match(sentence)) and match["body"].split()[0] not in NO_NAMES:
            words = _MEMBERS.sub("", match["body"]).split()
            if len(words) > 1 and (any(word in BODIES for word in words) or subjects[words[0]] or subjects[words[-1]]):
                return " ".join(words)
            break
    return max(subjects, key=lambda name: subjects[name]) if subjects and max(subjects.values()) > 1 else None
