"""Who is connected, and who gives way when there are too many."""

from typing import TYPE_CHECKING

from service.shedding import Shedder

if TYPE_CHECKING:  # which imports this
    from service.connection import Connection


class Crowd:
    """Who is connected, and who waits for the client's bytes: the longest waiting gives way when there are too many."""

    def __init__(self, max_connections: int, shedder: Shedder | None = None) -> None:
        self.shedder = shedder
        self._max_connections = max_connections
        self._all: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}  # in the order in which they began to wait

    def join(self, connection: "Connection") -> None:
        """Take a connection in; when all places are taken, in that of the one which has kept us waiting longest.

        Where we keep everybody waiting the new one is one too many: operators' GETs are answered on it, nothing else.
        """
        if len(self._all) >= self._max_connections:
            longest = next(iter(self._waiting), None)
            connection.surplus = longest is None or longest.surplus
            if longest:
                longest.give_way()
        self._all.add(connection)
        self.wait(connection)

    def wait(self, connection: "Connection") -> None:
        """Note that a connection waits for its client from now on."""
        self._waiting[connection] = None

    def wait_no_more(self, connection: "Connection") -> None:
        """Note that a whole request has come: now the client waits."""
        self._waiting.pop(connection, None)

    def leave(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._all.discard(connection)
        self._waiting.pop(connection, None)
