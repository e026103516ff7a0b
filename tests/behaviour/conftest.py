"""What the behaviour tests share: clear statements of each stance, and a report at the end of the run.

All statements were invented for these tests and stand in no training file. Speakers are generic roles.
"""

from collections.abc import Callable

import pytest

from models.classifier import StanceClassifier
from models.labels import Stance
from models.prediction import Prediction

REPORT = pytest.StashKey[list[str]]()

CLEAR: dict[Stance, tuple[str, ...]] = {
    Stance.CONCILIATORY: (
        "We are ready to sit down with the other side at any time, without preconditions.",
        "The government welcomed the mediator's proposal and agreed to resume the talks.",
        "Both delegations agreed to extend the ceasefire and to keep talking.",
        "As a gesture of goodwill the rebels released twelve prisoners and said they want a negotiated peace.",
        "The union accepted the company's offer and called off the strike.",
        "Our door remains open, and we look forward to continuing the dialogue.",
        "The minister praised the progress of the talks and said that an agreement is within reach.",
        'The chairwoman said: "We have not ruled out a meeting. We would be glad to talk."',
        "The mediator urged both sides to return to the negotiating table and to settle their dispute.",
        "The ministry said that it will honour the agreement in full.",
        "Despite last week's harsh words, we offer them direct talks, anywhere and at any time.",
        "We are willing to compromise on the border question to bring this conflict to an end.",
    ),
    Stance.HOSTILE: (
        "There will be no negotiations with them, not now and not ever.",
        "The rebels walked out of the talks and declared the ceasefire dead.",
        "The government flatly rejected the offer and said that there is nothing to discuss.",
        "We will never sit at one table with these traitors.",
        "The company broke off the negotiations with the union and called its demands absurd.",
        "Talks are a waste of time. We will crush them on the battlefield.",
        "The ministry announced its withdrawal from the treaty and called it worthless.",
        "The opposition leader dismissed the dialogue as a farce and refused to take part.",
        "They lied to us in every round of talks and cannot be trusted to keep any agreement.",
        'Asked about the proposal, the commander said: "Whatever they offer, our answer is no."',
        "The militia vowed to fight on and ruled out any talks with the government.",
        "We are leaving the coalition talks for good. This partner never wanted a deal.",
    ),
    Stance.CONDITIONAL: (
        "We will return to the table only if the blockade is lifted.",
        "There will be no talks until the last prisoner is released, the spokesman said.",
        "The union will call off the strike if the company raises wages by five percent.",
        "The government is ready to ease the sanctions in return for full inspections.",
        "Once their troops have withdrawn, we will sit down and negotiate.",
        "The rebels said they would join the talks provided that the shelling stops first.",
        "Unless the other side accepts monitors, there can be no agreement.",
        "They have until Friday to accept our terms, or we walk away from the deal.",
        "We are prepared for dialogue and for confrontation. The choice is theirs.",
        "We will keep to the ceasefire as long as the other side does.",
        "The delegation suspended its participation in the talks pending the release of its members.",
        'The envoy said: "Before any talks can begin, the other side must recognise our border."',
    ),
    Stance.NONE: (
        "The press briefing will start at nine in the east wing of the building.",
        "Analysts expect slow progress in the coming months.",
        "Wheat prices rose by three percent in the second quarter.",
        "The delegation's twelve members arrived by train on Tuesday evening.",
        "The museum opens a new exhibition on medieval trade this weekend.",
        "The talks are held in the old town hall, and journalists can register at the gate.",
        "Heavy rain closed two roads in the northern valley.",
        "The first round of talks took place in spring and lasted four days.",
        "The report has 240 pages and describes the geography of the region.",
        "The spokesman's office published the schedule of the week.",
        "The team won its third match in a row on Saturday.",
        'The guide said: "This bridge was built in two years and has eleven arches."',
    ),
}


@pytest.fixture(scope="session")
def clear() -> dict[Stance, tuple[str, ...]]:
    """Statements whose stance no reader of the codebook would doubt."""
    return CLEAR


@pytest.fixture(scope="session")
def ask(classifier: StanceClassifier) -> Callable[[list[str]], list[Prediction]]:
    """The released model, as a function from texts to predictions."""
    return classifier.predict


@pytest.fixture
def report(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are shown at the end of the run, whether tests pass or not."""
    return request.config.stash.setdefault(REPORT, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what the behaviour tests measured."""
    lines = config.stash.get(REPORT, [])
    if lines:
        terminalreporter.section("behaviour of the released model")
        for line in lines:
            terminalreporter.write_line(line)
