"""An article and what is answered for it, for the OpenAPI document and docs/api.md; the numbers are an example."""

from typing import Final

from pydantic.config import JsonDict

from models.labels import Stance

EXAMPLE_ARTICLE: Final = (
    "“We will return to the talks only once the sanctions are lifted,” Foreign Minister Ada Novak told Karim Haddad."
)
EXAMPLE_ANALYSIS: Final[JsonDict] = {
    "title": "Talks",
    "date": "2026-11-27",
    "text": None,
    "n_chars": 111,
    "language": None,
    "statements": [
        {
            "start": 0,
            "end": 111,
            "text": EXAMPLE_ARTICLE,
            "index": 0,
            "kind": "sentence",
            "paragraph": 0,
            "speech": "direct",
            "speaker": "Ada Novak",
            "speakers": ["Ada Novak"],
            "source": {"start": 66, "end": 92, "text": "Foreign Minister Ada Novak"},
            "cue": {"start": 93, "end": 97, "text": "told"},
            "addressee": "Karim Haddad",
            "stance": Stance.CONDITIONAL,
            "confidence": 0.97,
            "probabilities": {
                Stance.CONCILIATORY: 0.01,
                Stance.HOSTILE: 0.01,
                Stance.CONDITIONAL: 0.97,
                Stance.NONE: 0.01,
            },
            "certain": True,
            "prediction_set": [Stance.CONDITIONAL],
            "conditions": [{"start": 39, "end": 63, "text": "the sanctions are lifted", "kind": "precondition"}],
            "truncated": False,
        }
    ],
    "actors": [
        {
            "name": "Ada Novak",
            "n_mentions": 1,
            "n_statements": 1,
            "counts": {Stance.CONCILIATORY: 0, Stance.HOSTILE: 0, Stance.CONDITIONAL: 1, Stance.NONE: 0},
            "leaning": {"value": 0.0, "low": -0.69, "high": 0.72},
            "conditions": [
                {
                    "start": 39,
                    "end": 63,
                    "text": "the sanctions are lifted",
                    "kind": "precondition",
                    "statement": 0,
                }
            ],
            "most_certain": {Stance.CONDITIONAL: 0},
        }
    ],
    "addressed": [
        {
            "speaker": "Ada Novak",
            "addressee": "Karim Haddad",
            "n_statements": 1,
            "counts": {Stance.CONCILIATORY: 0, Stance.HOSTILE: 0, Stance.CONDITIONAL: 1, Stance.NONE: 0},
        }
    ],
    "n_unknown": 0,
    "failed": [],
    "model": "stance-minilm@1.3.0",
    "codebook": "1",
}
EXAMPLE_LINES: Final = """{"type":"progress","n_done":1,"n_statements":1,"stances":[{"start":0,"stance":"conditional",\
"certain":true}]}
{"type":"end","n_statements":1}
"""
"""Two of the lines of a stream."""
