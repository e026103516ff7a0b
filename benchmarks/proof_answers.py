"""R12 and R13: an answer does not depend on its neighbours, nor on when or in which process it is given."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.proof_load import Caller, ask, closed_loop, connect, post, run, singles
from benchmarks.proving import Finding, Plan, running
from models.classifier import NEIGHBOUR_EPSILON

TEXTS: Final = (
    "They may come back to the table whenever they wish.",
    "We will return to the talks only once the sanctions are lifted.",
    "There is nothing to talk about with this government, and there never was. " * 4,
)
LONG: Final = "The delegations will meet again in the spring, it was said, if the weather and the roads allow. " * 12
ROUNDS: Final = 60
REPEATS: Final = 1_000
STARTS: Final = 4


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The findings on R12 and R13."""
    return [neighbours(plan, texts), repeats(plan)]


def neighbours(plan: Plan, texts: Sequence[str]) -> Finding:
    """R12: each text alone, then alone and among 31 long ones while others keep the service busy."""
    with running(plan.model, log_level="warning") as service:
        alone = [run(_probabilities(service.port, text)) for text in TEXTS]
        moved, n = 0.0, 0

        async def under_load() -> None:
            nonlocal moved, n
            done = False
            load = asyncio.create_task(
                closed_loop(service.port, singles(texts), connections=16, seconds=120, stop=lambda: done)
            )
            for index in range(ROUNDS):
                text, expected = TEXTS[index % len(TEXTS)], alone[index % len(TEXTS)]
                items = [{"text": text}, *({"text": f"{number} {LONG}"} for number in range(31))]
                batch = (await ask(service.port, post("/classify/batch", {"items": items}))).json()
                found = [batch["items"][0]["prediction"]["probabilities"], await _probabilities(service.port, text)]
                moved = max([moved, *(_difference(one, expected) for one in found)])
                n += len(found)
            done = True
            await load

        run(under_load())
    return Finding(
        "R12 an answer does not depend on its neighbours",
        f"{n} answers under load, alone and among 31 long statements, against the same texts on an idle service",
        f"largest change of a probability {moved:.6f} of {NEIGHBOUR_EPSILON}",
        moved <= NEIGHBOUR_EPSILON,
    )


def repeats(plan: Plan) -> Finding:
    """R13: the same texts again and again, across restarts."""
    seen: list[set[bytes]] = [set() for _ in TEXTS]
    n = 0
    for _ in range(STARTS):
        with running(plan.model, log_level="warning") as service:

            async def again(port: int = service.port) -> None:
                nonlocal n
                caller: Caller = await connect(port)
                for index in range(REPEATS // STARTS):
                    answer = await caller.ask(post("/classify", {"text": TEXTS[index % len(TEXTS)]}))
                    seen[index % len(TEXTS)].add(answer.body)
                    n += answer.status == 200
                caller.close()

            run(again())
    n_distinct = [len(bodies) for bodies in seen]
    return Finding(
        "R13 answers are repeatable",
        f"{len(TEXTS)} texts, {REPEATS:,} requests over {STARTS} starts",
        f"{n:,} answered; distinct answers for each text, to the byte: {n_distinct}",
        n == REPEATS and n_distinct == [1] * len(TEXTS),
    )


async def _probabilities(port: int, text: str) -> dict[str, float]:
    return dict((await ask(port, post("/classify", {"text": text}))).json()["probabilities"])


def _difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    return float(max(abs(one[name] - other[name]) for name in other))
