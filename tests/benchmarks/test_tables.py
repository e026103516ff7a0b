"""Tables and ratios of the benchmark: what is compared with what, and what is left out where it was not measured."""

import pytest

from benchmarks.tables import GROUPED, SINGLE, Limits, Measurement, ratios, table, verdicts

LIMITS = Limits(
    engine_per_second=1_000,
    engine_lone_ms=3.0,
    engine_fixed_per_second=1_200,
    torch_fixed_per_second=200,
    multiplications_per_second=4e11,
    roof_per_second=2_000,
    padding=1.08,
)


def measured(side: str, load: str, connections: int, per_second: float, *, p50: float = 4.0) -> Measurement:
    """A measurement of which only these figures matter."""
    return Measurement(side, load, connections, per_second, p50, 9.0, 1.0, 300.0, 0)


EVERYTHING = [
    measured("plain, def", SINGLE, 1, 500),
    measured("plain, def", SINGLE, 64, 40),
    measured("plain, async", SINGLE, 64, 50),
    measured("infinity", SINGLE, 64, 100),
    measured("parley", SINGLE, 1, 150),
    measured("parley", SINGLE, 64, 600),
    measured("parley", GROUPED, 4, 900),
]


def test_ratios_compare_the_most_connections() -> None:
    """Rates at the most connections are compared, with the faster of the plain servers and with each other side."""
    assert ratios(EVERYTHING, LIMITS) == pytest.approx(
        {
            "of the engine alone, single statements": 0.6,
            "of the engine alone, 32 statements a request": 0.9,
            "times the faster plain server": 12.0,
            "times the plain server with def": 15.0,
            "times infinity": 6.0,
            "times torch fp32 eager, 32 x 30 tokens": 6.0,
        }
    )


def test_what_was_not_measured_is_left_out() -> None:
    """Without a side there is no ratio to it, and no invented one."""
    found = ratios([r for r in EVERYTHING if r.side == "parley" and r.load == SINGLE], LIMITS)
    assert set(found) == {"of the engine alone, single statements", "times torch fp32 eager, 32 x 30 tokens"}


def test_the_table_has_a_line_for_each_measurement() -> None:
    """Every measurement and every limit is a row with as many cells as the head."""
    lines = table(EVERYTHING, LIMITS).splitlines()
    assert len(lines) == 2 + len(EVERYTHING) + 3
    assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_verdicts_stand_beside_their_aims() -> None:
    """The lone request's wait beyond the engine's, and the padding, are told with what was asked for."""
    text = verdicts(EVERYTHING, LIMITS)
    assert "| times infinity | 6.00 | 5 |" in text
    assert "| ms of a lone request beyond the engine's | 1.00 | 1.5 |" in text
    assert "| padded tokens for each real one | 1.080 | 1.15 |" in text
