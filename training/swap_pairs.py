"""The pairs of sides whose names training.swaps swaps: a table, and the notes that say where a pair does not fit."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """A name of each side in one form: noun, adjective, people, capital. Proper names are spelled with their capitals.

    ``followed_by`` is what must come next, where the two differ in article or number: any occurrence before something
    else forbids the swap, lest "the US troops" become "China troops".
    """

    one: str
    other: str
    followed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Two sides with all their forms, each form of one side having one counterpart.

    Several swaps may share a name: they are spellings of one pair, tried in order. ``blocked`` are patterns of words
    that belong to a side but have no counterpart, or in which a name is part of another; a text with one is left alone.
    """

    name: str
    forms: tuple[Form, ...]
    blocked: tuple[str, ...] = ()


_CLOSED: Final = (
    r"""(?i:['’](?=[\s,.;:!?]|s\b)|[,.;:!?)"”]|$|\s+(?:will|would|can|could|must|should|shall|may|might|did|had|and|or|to"""
    r"""|in|on|of|for|with|from|by|at|that|who|but|not|never|before|after|said|broke|made|took|met|held|gave|went|came"""
    r"""|\w+ed"""
)
"""What may follow a whole noun phrase whatever its number: so what stands before it is no modifier of another noun."""
WHOLE: Final = rf"{_CLOSED}|is|was|has|does|wants|says|needs|as|if|when|so|also)\b)"
NEUTRAL: Final = rf"{_CLOSED})\b)"
"""As WHOLE, without verbs that agree in number."""
_PRONOUNS: Final = r"(?i)\b(?:it|its|itself|they|their|theirs|them|themselves)\b"
_DETERMINERS: Final = (
    *("the", "a", "an", "this", "that", "these", "those", "our", "their", "its", "his", "her", "your", "my", "no"),
    *("each", "every", "any", "some", "both", "all", "many", "and", "or", "of", "with", "for", "to", "by", "from"),
)
_UNDETERMINED: Final = r"(?i)(?<!^)" + "".join(rf"(?<!\b{word} )" for word in _DETERMINERS)


def _nations(name: str, *forms: tuple[str, str], blocked: tuple[str, ...] = ()) -> Swap:
    return Swap(name, tuple(Form(*form) for form in forms), blocked)


def _but(us: str) -> str:
    """The other names of the United States than this one."""
    names = {"the United States": r"United States\b", "the US": r"\bUS\b", "the U.S.": r"\bU\.S\."}
    return "|".join(pattern for name, pattern in names.items() if name != us)


def _us_and_china(us: str) -> Swap:
    """The United States under one of their names; "Americans" has no counterpart beside "American"."""
    forms = (Form(us, "China", WHOLE), Form("American", "Chinese"), Form("Washington", "Beijing"))
    mixed = r"\b(?:Americans|Latin American?|(?:North|South|Central) America|George Washington)\b"
    return Swap("United States / China", forms, (mixed, _but(us)))


_US_EU: Final = (("American", "European"), ("Americans", "Europeans"), ("Washington", "Brussels"))
_US_USSR: Final = (("American", "Soviet"), ("Americans", "Soviets"), ("Washington", "Moscow"))
_COMPOUND_AMERICA: Final = (
    r"(?i)\b(?:Latin|North|South|Central|Inter|African|Native)[ -]Americans?\b|\bAmerican Indian|\bGeorge Washington\b",
    r"(?i)\bEuropean (?:Parliament|Commission|Council|Court|Central|Convention|Economic|Communit)",
)

SWAPS: Final[tuple[Swap, ...]] = (
    _nations(
        "Russia / Ukraine",
        *(("Russia", "Ukraine"), ("Russian", "Ukrainian"), ("Russians", "Ukrainians"), ("Moscow", "Kyiv")),
        blocked=(r"(?i)\bRussian Federation\b|\bKiev\b",),
    ),
    _nations(
        "Israel / Hamas",
        ("Israel", "Hamas"),
        blocked=(r"(?i)\bIsraelis?\b|\bPalestin",),
    ),
    _nations(
        "Israel / Palestine",
        *(("Israel", "Palestine"), ("Israeli", "Palestinian"), ("Israelis", "Palestinians")),
        blocked=(r"(?i)\bHamas\b|\bPalestin\w+ Authority\b|\bPLO\b",),
    ),
    _nations("Iran / Iraq", ("Iran", "Iraq"), ("Iranian", "Iraqi"), ("Iranians", "Iraqis"), ("Tehran", "Baghdad")),
    *(_us_and_china(name) for name in ("the United States", "the US", "the U.S.")),
    _nations(
        "United States / Soviet Union", ("the United States", "the Soviet Union"), *_US_USSR, blocked=_COMPOUND_AMERICA
    ),
    *(
        _nations("United States / European Union", (us, eu), *_US_EU, blocked=(*_COMPOUND_AMERICA, _but(us)))
        for us, eu in (("the United States", "the European Union"), ("the US", "the EU"))
    ),
    _nations(
        "North Korea / South Korea",
        *(("North Korea", "South Korea"), ("North Korean", "South Korean"), ("North Koreans", "South Koreans")),
        ("Pyongyang", "Seoul"),
        blocked=(r"(?i)\bDPRK\b|\bRepublic of Korea\b",),
    ),
    _nations(
        "North Vietnam / South Vietnam",
        *(("North Vietnam", "South Vietnam"), ("North Vietnamese", "South Vietnamese"), ("Hanoi", "Saigon")),
    ),
    _nations(
        "India / Pakistan",
        *(("India", "Pakistan"), ("Indian", "Pakistani"), ("Indians", "Pakistanis"), ("New Delhi", "Islamabad")),
        blocked=(
            r"(?i)\b(?:American|West) Ind|\bIndian Ocean\b|\bIndian (?:tribe|affair|title|territor|agent|nation)",
        ),
    ),
    _nations(
        "Serbia / Croatia",
        *(("Serbia", "Croatia"), ("Serbian", "Croatian"), ("Serb", "Croat"), ("Serbs", "Croats")),
        ("Belgrade", "Zagreb"),
    ),
    _nations("Armenia / Azerbaijan", ("Armenia", "Azerbaijan"), ("Armenian", "Azerbaijani"), ("Yerevan", "Baku")),
    _nations(
        "Egypt / Syria", ("Egypt", "Syria"), ("Egyptian", "Syrian"), ("Egyptians", "Syrians"), ("Cairo", "Damascus")
    ),
    _nations("Greece / Turkey", ("Greece", "Turkey"), ("Greek", "Turkish"), ("Greeks", "Turks"), ("Athens", "Ankara")),
    _nations("France / Germany", ("France", "Germany"), ("French", "German"), ("Paris", "Berlin")),
    _nations("Mexico / Canada", ("Mexico", "Canada"), ("Mexican", "Canadian"), ("Mexicans", "Canadians")),
    _nations("Afghanistan / Kosovo", ("Afghanistan", "Kosovo"), ("Afghan", "Kosovar"), ("Afghans", "Kosovars")),
    _nations("El Salvador / Nicaragua", ("El Salvador", "Nicaragua"), ("Salvadoran", "Nicaraguan")),
    _nations("Colombia / Peru", ("Colombia", "Peru"), ("Colombian", "Peruvian"), ("Bogota", "Lima")),
    _nations("Sandinistas / Contras", ("Sandinistas", "Contras"), ("Sandinista", "Contra")),
    Swap(
        "government / rebels",
        (
            Form("the government", "the rebels", NEUTRAL),
            *(Form(f"government {who}", f"rebel {who}") for who in ("forces", "troops", "soldiers", "leaders")),
        ),
        (_PRONOUNS,),
    ),
    Swap("government / opposition", (Form("the government", "the opposition"),), (r"(?i)\bopposition to\b",)),
    Swap("soldiers / guerrillas", (Form("soldiers", "guerrillas"), Form("soldier", "guerrilla"))),
    Swap(
        "union / company",
        (
            *(Form("trade union", "private company"), Form("trade unions", "private companies")),
            *(Form("union", "company"), Form("unions", "companies")),
        ),
        (
            rf"{_UNDETERMINED}\b(?<!trade )(?<!private )(?:unions?|company|companies)\b",
            r"(?<=\w )(?:Unions?|UNIONS?|Company|COMPANY|Companies|COMPANIES)\b",
        ),
    ),
    Swap("workers / employers", (Form("workers", "employers"), Form("worker", "employer"))),
    Swap(
        "Democrats / Republicans",
        (
            *(Form("Democratic Party", "Republican Party"), Form("Democrats", "Republicans")),
            Form("Democrat", "Republican"),
        ),
        (r"(?i)\b(?:Christian|Social|Liberal) Democrats?\b|\bIrish Republican|\bRepublican (?:Guard|form|government)",),
    ),
    Swap(
        "president / prime minister",
        (Form("president", "prime minister"), Form("presidents", "prime ministers")),
        (r"(?i)\bvice[- ]president",),
    ),
    Swap(
        "minister / ambassador",
        (Form("minister", "ambassador"), Form("ministers", "ambassadors")),
        (r"(?i)\bprime minister",),
    ),
    Swap(
        "governor / mayor",
        (Form("governor", "mayor"), Form("governors", "mayors")),
        (r"(?i)\bgovernor[- ]general",),
    ),
    Swap("senator / congressman", (Form("senator", "congressman"), Form("senators", "congressmen"))),
)
