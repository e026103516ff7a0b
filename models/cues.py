"""Words by which an article says that somebody speaks or acts. Collected from the training split of the articles."""

import re
from typing import Final


def _any(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


SAYING: Final = _any(
    "said says say saying told tells tell telling added adds adding stated states stating announced announces "
    "announcing reported reports reporting claimed claims claiming noted notes noting wrote writes writing tweeted "
    "tweets tweeting remarked remarks alleged alleges indicated indicates described describes describing declared "
    "declares denied denies confirmed confirms suggested suggests suggest explained explains argued argues warned "
    "warns warning insisted insists estimated estimates estimate commented comments replied replies responded responds "
    "answered answers asserted asserts acknowledged acknowledges admitted admits conceded concedes continued continues "
    "observed observes concluded concludes testified stressed stresses emphasised emphasized maintained maintains "
    "recalled recalls revealed reveals predicted predicts pledged vowed vows promised called calls calling "
    "characterised characterized characterises characterizes labelled labeled dubbed posted posts elaborated cautioned "
    "clarified mentioned joked quipped believed believes believe thinks thought think asked asks advised advises cited "
    "cites complained expressed expresses hinted informed lamented objected opined protested questioned reiterated "
    "repeated reckons disclosed speculated speculates summarised texts texted emails emailed shouted whispered "
    "wondered urged urges characterising characterizing accused accuses accusing criticised criticized criticises "
    "criticizes praised praises defended defends denounced denounces condemned condemns blamed blames blasted slammed "
    "lauded hailed thanked thanks congratulated recounted identified assured signalled signaled demanded demands "
    "demanding concerned ruled testifies supposes advocated apologised apologized boasted echoed expects expect feared "
    "fears hopes hoped hope wants want wishes agreed agrees doubts doubted contends contended cautions pledges "
    "stresses underlined underlines underscored outlined highlighted highlights reaffirmed reaffirms deemed deems "
    "guaranteed hints jokes laments lamented emphasises emphasizes"
)
"""Verbs with which somebody is reported to say, ask, judge or think."""

ACTING: Final = _any(
    "accepted accepts agreed agrees rejected rejects refused refuses declined declines offered offers proposed "
    "proposes withdrew withdrawn withdraws ordered orders signed signs voted votes passed approved approves banned "
    "bans sanctioned suspended suspends resumed resumes released releases freed frees imposed lifted resigned "
    "appointed named requested requests appealed appeals invited invites welcomed welcomes opposed opposes supported "
    "supports backed threatened threatens dropped cancelled canceled postponed adjourned tabled resolved undertook "
    "reopened closed broke vetoed abolished authorised authorized sentenced pleaded confessed launched introduced "
    "published issued issues apologised apologized gave walked halted ended sued filed charged arrested fined expelled "
    "recalled severed dissented nominated awarded endorsed promised pledged announced declared condemned denied "
    "demanded urged asked called thanked accused criticised criticized confirmed claimed granted stopped undertakes "
    "complied ratified dismissed pulled commended insisted insists"
)
"""Verbs of acts that tell a position, as the subject of the sentence takes it."""

AUXILIARY: Final = (
    r"(?:(?:has|have|had|is|was|were|are|did|does|do|would|will|could|can|may|might|should|be|been|being|not|n't)\s+)"
)
ADVERB: Final = (
    r"(?:(?:also|later|earlier|previously|recently|then|now|again|still|further|today|yesterday|once|since|just|"
    r"already|"
    r"however|reportedly|repeatedly|first|only|never|always|both|all|simply|"
    r"subsequently|initially|meanwhile|publicly|falsely|twice|even|soon|therefore|instead|formally|in turn|in effect|"
    r"\w+ly|(?:on\s+)?\w+day(?:\s+(?:morning|evening|night|afternoon))?)\s+)"
)

AUDIENCE: Final = (
    r"(?:\s+(?:reporters|journalists|the press|the media|us|me|parliament|parliamentarians|lawmakers|the court|"
    r"the public|"
    r"local media|supporters|analysts|a news conference|a press conference|the news agency))"
)

SAYS: Final = re.compile(rf"(?<![\w'’-])(?:{SAYING})(?![\w-])")
ACTS: Final = re.compile(rf"(?<![\w'’-])(?:{ACTING})(?![\w-])")
ACCORDING: Final = re.compile(
    r"\b(?:[Aa]ccording to|[Aa]s per|[Ii]n the words of|[Ii]n the (?:view|opinion) of|[Qq]uoting|[Cc]iting)\s+"
)
PASSIVE_BY: Final = re.compile(
    r"\b(?:told|described|reported|called|said|announced|quoted|confirmed|written|released|informed|condemned|"
    r"criticised|"
    r"criticized|accused|praised|charged|sentenced|awarded|ordered|identified|denounced|suggested|proposed|claimed)"
    r"(?:\s+\w+){0,3}?\s+by\s+"
)
DONE_BY: Final = re.compile(
    r"\b(?:was|were|been|being|is|are)\s(?:\w+ly\s|also\s|later\s|not\s)?(?P<cue>rejected|accepted|welcomed|signed|"
    r"boycotted|"
    r"filed|opposed|approved|adopted|vetoed|blocked|dismissed|supported|backed|denied|endorsed|imposed|lifted|banned|"
    r"suspended|passed|issued|published|offered|demanded|requested|postponed|hailed|refused|ratified|overturned|upheld|"
    r"thanked|urged|invited|warned|asked|turned down)(?:\s\w+){0,3}?\sby\s(?=(?:the\s)?[A-Z]\w{3,}|"
    r"the\s\w+(?:\s\w+)?[,.]|both\s)"
)
"""Acts in the passive with whoever acts."""
UNSOURCED: Final = re.compile(
    r"\b(?:[Rr]eportedly|[Aa]llegedly|[Pp]urportedly)\b|\b(?:was|were|is|are|been) (?:reported|announced|said)\b"
)
"""Reports that name nobody."""

MORE_OFTEN_ACT: Final = _words(
    "asked asks called calls denied denies agreed agrees voted declared offered proposed accused accuses thanked "
    "thanks acknowledged denounced condemned criticised criticized requested demanded demands urged urges pledged "
    "promised insisted insists apologised apologized praised praises blamed attacked congratulated lauded hailed "
    "expects vowed"
)
"""Verbs of saying that report an act, where nothing is quoted, more often than words in the annotated articles."""

ACT_WITH_NOUN: Final = re.compile(
    r"(?:announced?|announces|announcing|confirmed|claimed)\s"
    r"(?:(?:a|an|the|his|her|its|their)\s|plans|responsibility)"
)
"""Verbs that report an act when a noun follows, and words when a clause does."""

STRONG: Final = _words(
    "said says say told tells added adds stated states announced announces reported reports claimed claims noted notes "
    "wrote writes tweeted tweets remarked commented replied alleged indicated declared denied denies explained argued "
    "warned insisted estimated confirmed suggested saying according stating"
)
"""The commonest verbs of saying, which win over others in one sentence."""
