"""The load generator: it counts what was answered, what was not, and how long that took."""

import asyncio
import json
from collections.abc import Callable

import pytest

from benchmarks.load import Answers, load, request_bytes
from benchmarks.servers import free_ports, padding_of
from benchmarks.statements import evenly, groups


def drive(answer: Callable[[int], bytes], *, connections: int, seconds: float) -> tuple[Answers, list[bytes]]:
    """What the generator saw of a server that gives these bytes to its n-th request, and the bodies that it got."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                bodies.append(await reader.readexactly(length))
                given = answer(len(bodies))
                if not given:
                    break
                writer.write(given)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def main() -> Answers:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            requests = [request_bytes("/classify", {"text": text}) for text in ("a", "ü")]
            return await load(port, requests, connections=connections, seconds=seconds)

    return asyncio.run(main()), bodies


def test_every_answer_is_counted_once() -> None:
    """Each connection asks until the time is over, and as many answers are counted as requests were sent."""
    answers, bodies = drive(lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", connections=3, seconds=0.2)
    assert len(answers.latencies) == len(bodies) > 3
    assert answers.errors == 0
    assert {json.loads(body)["text"] for body in bodies} == {"a", "ü"}
    assert answers.per_second == pytest.approx(len(bodies) / answers.seconds)
    assert 0 < answers.percentile_ms(50) <= answers.percentile_ms(99)


def test_refusals_and_broken_connections_are_errors() -> None:
    """An answer that is not a 200 is an error, and so is a connection that the server closes."""
    refused = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"
    answers, bodies = drive(lambda n: refused if n < 3 else b"", connections=1, seconds=60)
    assert len(bodies) == 3
    assert (len(answers.latencies), answers.errors) == (2, 3)
    assert answers.seconds < 50


def test_padding_is_read_from_the_metrics() -> None:
    """The share of padding is that of the counters; without them, or without work, there is none to tell."""
    metrics = "# HELP x\nparley_engine_tokens_total 200.0\nparley_engine_padded_tokens_total 230.0\n"
    assert padding_of(metrics) == pytest.approx(1.15)
    assert padding_of("parley_engine_tokens_total 0.0\n") is None
    assert padding_of("") is None


def test_statements_are_drawn_evenly() -> None:
    """At most so many are drawn, from the beginning to the end, none twice; groups have one size."""
    items = [str(n) for n in range(100)]
    drawn = evenly(items, 30)
    assert len(drawn) == len(set(drawn)) == 30
    assert drawn[0] == "0"
    assert int(drawn[-1]) > 95
    assert evenly(items[:5], 30) == items[:5]
    assert groups(items[:7], 3) == [["0", "1", "2"], ["3", "4", "5"]]


def test_free_ports_are_different() -> None:
    """As many ports as asked for, no two the same."""
    assert len(set(free_ports(5))) == 5
