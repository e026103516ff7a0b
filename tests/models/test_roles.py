"""Which person a description means."""

import pytest

from models.actors import Cast

TEXT = (
    "Osmiri President Harun Ekdal met Darvan's president, Sela Quint. Piet Holm, chairman of the Dockers' League, "
    "left. "
    "Its secretary Ode Varr stayed. Deputy Governor Ilan Tor slept. "
)


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("the Osmiri president", "Harun Ekdal"),
        ("Darvan's president", "Sela Quint"),
        ("the chairman", "Piet Holm"),
        ("the league's secretary", "Ode Varr"),
        ("the deputy governor", "Ilan Tor"),
        ("the governor", "governor"),
        ("the Teelish president", "Teelish president"),
    ],
)
def test_a_description_means_whoever_has_the_role(phrase: str, name: str) -> None:
    """A role with what stands near its bearer leads to a name; a deputy is no governor, a stranger no president."""
    assert Cast(TEXT).resolve(phrase, len(TEXT)) == name
