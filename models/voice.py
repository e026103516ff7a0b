"""Whose voice a whole text is in: the body that issues a communique, a press release or an editorial."""

import re
from collections import Counter
from typing import Final

from models.titles import BODIES, NO_NAMES

_NAME: Final = r"[A-Z][\w'’.-]*\w['’]?(?:[ ](?:(?:of|for|and|[Aa]gainst)[ ](?:the[ ])?)?[A-Z][\w'’.-]*\w['’]?)*"
_PAPER: Final = (
    r"(?:[A-Z][\w'’-]+\s){0,2}(?:Courier|Argus|Times|Herald|Gazette|Weekly|Lantern|Chronicle|Echo|Observer|Tribune|"
    r"Mercury|"
    r"Examiner|Journal|Telegraph|Mail|Post|Star|Standard|Messenger|Sentinel|Advertiser|Bulletin|Dispatch|Globe|"
    r"Guardian)"
)
_DOCUMENT: Final = (
    r"(?i:statement|communiqu[eé](?: no\. ?\d+)?|declaration|appeal|message|resolution|reply|bulletin|proclamation|"
    r"letter|"
    r"announcement no\. ?\d+|press release)"
)
_PAPERS_OWN: Final = re.compile(rf"\A\s*(?P<body>The {_PAPER}|{_PAPER})(?:['’]s view)?(?=:| —|\s*\n)")
_NAMED: Final = (
    re.compile(rf"(?m)^About (?P<body>{_NAME}):"),
    re.compile(
        r"\bWe, (?:the (?:representatives|delegates|members) of )?(?P<body>the [\w\s'’]{3,60}?)"
        r"(?=,|\s(?:were|have|having|met|declare|state|call|address|of the [A-Z])\b)"
    ),
    re.compile(rf"(?m){_DOCUMENT}\s(?:of|by|from)\s(?:the\s)?(?P<body>{_NAME})"),
    re.compile(
        r"(?m)(?:^|, )(?:The Command of|(?:[Ff]or|[Oo]n behalf of)(?: the (?:[Bb]oard|[Cc]ommand|[Cc]ommittee) of)?) "
        rf"(?:the )?(?P<body>{_NAME})\.?$"
    ),
    re.compile(rf"(?m)^From:? (?:the )?(?:[A-Z][\w ]+ Office, )?(?P<body>{_NAME})"),
    re.compile(rf"(?m)^(?:PRESS RELEASE|Press release) [—–-] (?P<body>{_NAME})"),
    _PAPERS_OWN,
    re.compile(rf"\b(?:The|[Tt]he) (?P<body>{_PAPER})(?=\s[a-z])"),
    re.compile(
        rf"(?m)(?:^|(?<=[.!?] ))(?P<body>{_PAPER})(?=\s(?:has|had|holds|does|did|is|was|will|would|believes|"
        rf"supports)\b)"
    ),
)
"""What names the issuer, the surest first."""
_SHOUTED: Final = re.compile(
    r"\A\W*(?:JOINT )?(?:COMMUNIQU[EÉ]|STATEMENT|DECLARATION|RESOLUTION|PRESS RELEASE|MESSAGE|APPEAL) (?:OF|BY|"
    r"FROM) (?:THE )?"
    r"(?P<body>[A-Z][A-Z'’ -]+[A-Z])$",
    re.MULTILINE,
)
_SIGNS: Final = re.compile(
    r"(?i:for immediate release|for release|press release|communiqu[eé]|media contact|press contact|notes? to editors|"
    r"not for distribution|final declaration|adopted (?:in|at|by)|(?m:^contact: )|(?m:^done (?:in|at))|"
    r"background: the |(?m:^given at ))|"
    r"(?m:^About [A-Z][^\n]{1,60}:)|"
    r"(?m:^(?:The Command|For the) [A-Z])|(?m:^Editorial\b)|(?i:\bthis newspaper\b)|\AWe, the "
)
_HEADED: Final = re.compile(
    r"^(?:Joint |JOINT )?(?:Statement|STATEMENT|Declaration|DECLARATION|Proclamation|Resolution|Announcement No)",
    re.MULTILINE,
)
_PROCLAIMS: Final = re.compile(
    rf"\A\W*(?:The |From the )?(?:{_NAME})(?:, [^.\n]{{3,120}},)?\s(?:informs|announces the following|regrets|"
    rf"welcomes|rejects|condemns|has taken note|"
    r"held its|wishes to|hereby|holds no brief|deplores|takes note|would like to)\b"
)
_OPINES: Final = re.compile(
    rf"(?:\b[Tt]he |(?:^|(?<=[.!?] )|(?<=\n))){_PAPER}\s(?:has supported|has said so|holds|supports|believes|"
    rf"does not|has no|thinks)\b|"
    r"[.!?;]\s[Ll]et (?:the|them|us|him|her|both|Mr|Ms|Mrs)\b"
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
    is_told = any(found.search(unquoted) for found in (_PROCLAIMS, _OPINES, _SHOUTED))
    is_told = is_told or bool(n_we and _PAPERS_OWN.match(unquoted))
    if is_told or _HEADED.search(unquoted[:300]) or _SIGNS.search(unquoted[:300]) or _SIGNS.search(unquoted[-400:]):
        return n_reported < 3 + len(unquoted) / 250
    return n_we >= MIN_WE and n_we > 2 * n_reported and 400 * n_we > len(unquoted)


def issuer_of(text: str, sentences: list[str]) -> str | None:
    """The words that name the issuer of a text that has a voice, or None where they are not found."""
    if match := _SHOUTED.search(text):
        again = re.search(re.escape(match["body"]), text[match.end() :], re.IGNORECASE)
        return again.group() if again else _in_small(match["body"])
    for pattern in _NAMED:
        if (match := pattern.search(text)) and match["body"].split()[0] not in NO_NAMES - {"The"}:
            return _MEMBERS.sub("", match["body"])
    subjects = Counter(match["body"] for sentence in sentences for match in _SUBJECT.finditer(sentence))
    for sentence in sentences:
        if len(sentence) > 40 and (match := _FIRST.match(sentence)) and match["body"].split()[0] not in NO_NAMES:
            words = _MEMBERS.sub("", match["body"]).split()
            is_again = text.count(" ".join(words)) > 1
            is_body = any(word in BODIES for word in words) or subjects[words[0]] or subjects[words[-1]] or is_again
            if (len(words) > 1 and is_body) or _PROCLAIMS.match(sentence):
                return " ".join(words)
            break
    return max(subjects, key=lambda name: subjects[name]) if subjects and max(subjects.values()) > 1 else None


def _in_small(shouted: str) -> str:
    """A name in capitals as it is written elsewhere: "Assembly of Salt Towns"."""
    return re.sub(r"(?<=\s)(?:Of|The|For|And)(?=\s)", lambda word: word.group().lower(), shouted.title())
