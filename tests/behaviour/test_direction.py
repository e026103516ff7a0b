"""Direction: adding a condition, a refusal or an offer moves the probabilities the way that the codebook says."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from models.labels import Stance
from models.prediction import Prediction

MIN_SHARE = 0.85
"""Share of a relation's pairs that must move as the codebook says: of eight pairs, one may not."""
RISE = 0.1
"""What counts as a rise: a change of probability that would change a reader's trust in the answer."""
TOLERANCE = 0.05
"""What a rewrite that adds no condition may add to the probability of one: as much as invariance allows."""

OFFERS = (
    "We will return to the negotiating table",
    "The union is ready to resume the talks",
    "We will sign the agreement",
    "The rebels are willing to extend the ceasefire",
    "The company will meet the workers' representatives for talks",
    "Our delegation will take part in the negotiations",
    "The government is prepared to start a dialogue with the opposition",
    "The coalition partners are willing to compromise on the budget",
)


@dataclass(frozen=True, slots=True)
class Relation:
    """Pairs of statements, before and after one change, and the stance whose probability must rise, or must not."""

    rule: str  # of the codebook
    stance: Stance
    pairs: tuple[tuple[str, str], ...]
    rises: bool = True


def extended(addition: str) -> tuple[tuple[str, str], ...]:
    """Each offer, plain and with an addition."""
    return tuple((f"{offer}.", f"{offer}{addition}.") for offer in OFFERS)


NEGATED = (
    ("We will return to the negotiating table.", "We will never return to the negotiating table."),
    ("The union is ready to resume the talks.", "The union refuses to resume the talks."),
    ("We will sign the agreement.", "We will not sign the agreement, now or later."),
    ("The rebels extended the ceasefire.", "The rebels ended the ceasefire."),
    ("The company accepted the offer.", "The company rejected the offer."),
    ("Our delegation will take part in the negotiations.", "Our delegation will boycott the negotiations."),
    ("The government welcomed a dialogue with the rebels.", "The government ruled out a dialogue with the rebels."),
    ("The parties trust each other.", "The other party cannot be trusted to negotiate in good faith."),
)
RULED_OUT = (
    ("The minister ruled out talks.", "The minister has not ruled out talks."),
    ("We reject a meeting.", "We do not reject a meeting."),
    ("The union refuses to negotiate.", "The union does not refuse to negotiate."),
    ("We are walking away from the talks.", "We are not walking away from the talks."),
    ("The rebels closed the door to dialogue.", "The rebels said that the door to dialogue stays open."),
    ("The company excluded a compromise.", "The company did not exclude a compromise."),
    ("The government has given up on the agreement.", "The government has not given up on the agreement."),
)
FLAT = (
    ("We will not talk until the siege is lifted.", "We will not talk, even when the siege is lifted."),
    ("No deal unless the troops leave.", "No deal, whether or not the troops leave."),
    ("The union will not return before the dismissals are undone.", "The union will never return to the talks."),
    ("We will not negotiate while the shelling goes on.", "We will not negotiate, whatever they do."),
    ("There can be no dialogue until they apologise.", "There can be no dialogue, apology or not."),
    ("No meeting as long as the prisoners are held.", "No meeting, even if the prisoners are freed."),
    ("The talks are suspended pending an inquiry.", "The talks are over for good."),
)
REFUSED_POLITELY = (
    ("We thank the mediator for the effort.", "We thank the mediator for the effort, but we reject the plan."),
    ("We respect the other side.", "We respect the other side, but there is nothing to negotiate."),
    ("The union values the invitation.", "The union values the invitation, but will not come to the talks."),
    ("The offer is generous.", "The offer is generous, but our answer is a firm no."),
    ("We have read the proposal with care.", "We have read the proposal with care, and we refuse it."),
    ("The rebels praised the envoy.", "The rebels praised the envoy and walked out of the talks."),
    ("It was an honour to be invited.", "It was an honour to be invited, but we will never sign."),
)
OFFERED_IN_ANGER = (
    ("They have insulted us for years.", "They have insulted us for years, and still we offer them talks at any time."),
    ("Their attacks are a disgrace.", "Their attacks are a disgrace, yet we invite them to talk without conditions."),
    (
        "The company cheated its workers.",
        "The company cheated its workers; even so the union accepts its offer of talks.",
    ),
    ("We distrust the government.", "We distrust the government, but we gladly accept its invitation to talks."),
    ("They broke their word.", "They broke their word, and yet our hand remains stretched out for peace talks."),
    ("The rebels are criminals.", "The rebels are criminals, but we are ready to meet them anytime, anywhere."),
    ("Their tone is shameful.", "Their tone is shameful, but we welcome the resumption of the dialogue."),
)
ASKED_IF = (
    ("The talks went well.", "If anything, the talks went well."),
    ("He will attend the talks.", "Asked if he will attend the talks, he said yes."),
    ("We do not know when the talks begin.", "We do not know if the talks begin on Monday."),
    ("We welcome the talks.", "We welcome the talks as if they were our own."),
    ("The dialogue goes on.", "The dialogue goes on, even if it is slow."),
    ("The union accepted the offer.", "The union accepted the offer, if reluctantly."),
    ("The negotiators made progress.", "The negotiators made progress, if only a little."),
)
RELATIONS = {
    "only if": Relation("R1", Stance.CONDITIONAL, extended(" only if the other side stops the attacks")),
    "once": Relation("R1", Stance.CONDITIONAL, extended(" once the sanctions are lifted")),
    "provided that": Relation(
        "R1", Stance.CONDITIONAL, extended(", provided that the detained members are freed first")
    ),
    "in return": Relation("R7", Stance.CONDITIONAL, extended(" in return for written guarantees")),
    "without preconditions": Relation("R4", Stance.CONDITIONAL, extended(" without preconditions"), rises=False),
    "manner": Relation("R9", Stance.CONDITIONAL, extended(" in a spirit of mutual respect"), rises=False),
    "if that is no condition": Relation("R16", Stance.CONDITIONAL, ASKED_IF, rises=False),
    "negated offer": Relation("R10", Stance.HOSTILE, NEGATED),
    "refusal that nothing would lift": Relation("R2", Stance.HOSTILE, FLAT),
    "courtesy, then refusal": Relation("R5", Stance.HOSTILE, REFUSED_POLITELY),
    "abuse, then offer": Relation("R5", Stance.CONCILIATORY, OFFERED_IN_ANGER),
    "negated refusal": Relation("R6", Stance.CONCILIATORY, RULED_OUT),
    "negated refusal, less hostile": Relation("R6", Stance.HOSTILE, RULED_OUT, rises=False),
}


KNOWN_WEAKNESSES: dict[str, str] = {}
"""Relations that the released model does not hold, as measured; a release that holds one must strike it here."""


def relation_names() -> list[object]:
    """Every relation, those that are known not to hold marked as such."""
    return [
        pytest.param(name, marks=pytest.mark.xfail(reason=KNOWN_WEAKNESSES[name], strict=True))
        if name in KNOWN_WEAKNESSES
        else name
        for name in RELATIONS
    ]


@pytest.mark.parametrize("name", relation_names())
def test_the_change_moves_the_stance(
    ask: Callable[[list[str]], list[Prediction]], report: list[str], name: str
) -> None:
    """Nearly all pairs of a relation move the probability of its stance up, or do not, as the codebook's rule says."""
    relation = RELATIONS[name]
    before = ask([pair[0] for pair in relation.pairs])
    after = ask([pair[1] for pair in relation.pairs])
    rises = [
        two.probabilities[relation.stance] - one.probabilities[relation.stance]
        for one, two in zip(before, after, strict=True)
    ]
    right = [rise >= RISE if relation.rises else rise <= TOLERANCE for rise in rises]
    report.append(f"direction, {relation.rule} {name}: {sum(right)} of {len(right)} pairs")
    wrong = {pair[1]: f"{rise:+.2f}" for pair, rise, good in zip(relation.pairs, rises, right, strict=True) if not good}
    assert sum(right) >= MIN_SHARE * len(right), wrong
