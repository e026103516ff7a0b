"""Serve the model over HTTP.

python -m service              settings come from STANCE_* variables; see service/settings.py and docs/api.md
python -m service --insecure   as with STANCE_INSECURE=true: anybody who reaches the address may ask
python -m service --help       this text
"""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import uvicorn
from fastapi import FastAPI

from models.classifier import StanceClassifier
from models.engines import usable_cores
from models.errors import ParleyError
from models.language import read_detector
from service import logs
from service.app import create_app
from service.auth import KeyRing, check_exposure
from service.batching import CLOSE_SECONDS
from service.connection import limited
from service.rollover import open_model
from service.schemas import EXAMPLE_TEXT
from service.settings import Settings, SettingsError
from service.tracing import open_provider
from service.watchdog import Watchdog

TICKS_PER_SECOND: Final = 10
"""uvicorn's own."""
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that encodes a large batch keeps the event loop waiting: Python's own 5 ms for each of hundreds of
events a second would hold up refusals and health for longer than is promised."""
TURN_SECONDS: Final = 5.0
"""What the event loop may take for a turn: a choice, with room for a slow machine."""
RECEIVE_BUFFER_BYTES: Final = 65_536
"""What the system may take of a body before we read it, where it would grow to megabytes by itself: a body that is too
large has been sent by then. A choice; Linux takes twice as much, for its own records."""
OWN_DESCRIPTORS: Final = 128
"""Files open besides connections: about forty were counted, and a connection may come before another has quite gone."""
BANNER = """Parley answers at http://{host}:{port} (documentation: /docs). Try:

  curl -s {host}:{port}/classify -H 'content-type: application/json' \\
    -d '{{"text": "{text}"}}'
"""


class Server(uvicorn.Server):
    """uvicorn, saying where it listens once it does, and ending within a stated time whatever hangs."""

    def __init__(self, config: uvicorn.Config, settings: Settings, watchdog: Watchdog) -> None:
        super().__init__(config)
        self._settings = settings
        self._watchdog = watchdog

    async def startup(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]  # as in uvicorn
        """Start to listen, then print the address and an example."""
        await super().startup(sockets)
        if self.started:
            for one in self.servers[0].sockets:  # connections inherit it
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            app: Any = self.config.app
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.state.reload)
            print(BANNER.format(host=f"[{host}]" if ":" in host else host, port=port, text=EXAMPLE_TEXT), flush=True)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end: told to, or the watchdog gave up."""
        if counter % TICKS_PER_SECOND == 0:
            _end_within(self._settings.hang_seconds + TURN_SECONDS)
        return await super().on_tick(counter) or self._watchdog.gave_up

    async def shutdown(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]  # as in uvicorn
        """Say that no requests should be sent here, still answer those that are, then close and drain."""
        self._watchdog.draining = True
        notice_seconds = 0 if self._watchdog.gave_up else self._settings.notice_seconds
        _end_within(notice_seconds + self._settings.drain_seconds + CLOSE_SECONDS + TURN_SECONDS)
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for _ in range(round(notice_seconds * TICKS_PER_SECOND)):
            if not self.force_exit:  # a second Ctrl-C
                await asyncio.sleep(1 / TICKS_PER_SECOND)
        await self._accept_the_rest()
        await super().shutdown(sockets)

    async def _accept_the_rest(self) -> None:
        """Stop to listen, without a reset for those whom the system has connected and we have not accepted yet."""
        listeners = [socket.socket(fileno=os.dup(one.fileno())) for server in self.servers for one in server.sockets]
        for server in self.servers:
            server.close()  # the duplicates keep the system's queue open
        accepted = []
        for listener in listeners:
            listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    accepted.append(listener.accept()[0])
            listener.close()  # at once: whoever comes from here on is refused
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.connect_accepted_socket(self._connection, one) for one in accepted))

    def _connection(self) -> asyncio.Protocol:
        """A connection, as uvicorn makes them at its start."""
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _end_within(seconds: float) -> None:
    """End the process with status 1 in that time unless told anew: from outside Python, which may be what hangs."""
    if sys.stderr is not None:  # closed by whoever started us; faulthandler says there where each thread stood
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)


def main(arguments: Sequence[str] = ()) -> int:
    """The program; returns its exit status: 2 for bad settings, 1 for a model that cannot be served, else 0."""
    if set(arguments) & {"-h", "--help"}:
        print((__doc__ or "").strip())
        return 0
    for name in (signal.SIGINT, signal.SIGTERM):  # uvicorn drains on these, then raises them again for us
        signal.signal(name, _leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing to read again yet
    try:
        settings = _settings(arguments)
        _allow_descriptors(settings.max_connections + OWN_DESCRIPTORS)
        logs.configure(settings)
        # The tokeniser's own pool, made with the first text: as many threads as the engine, unless the operator set it.
        tokeniser_threads = os.environ.setdefault("RAYON_NUM_THREADS", str(settings.threads or usable_cores()))
        spans = open_provider(settings)
        classifier = _open(settings)
    except SettingsError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    except ParleyError as error:
        print(f"parley: the model cannot be served: {error}", file=sys.stderr)
        return 1
    info = classifier.engine.info
    logging.getLogger("parley").info(
        "%s on %s (%s, %d threads; tokeniser: %s threads)",
        classifier.artifact.manifest.model_id, info.name, info.precision, info.threads, tokeniser_threads,
    )  # fmt: skip
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        app = create_app(settings, classifier, spans=spans)
    except SettingsError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    gc.collect()
    gc.freeze()  # what is there now stays; looking through it again would hold up everybody for a tenth of a second
    server = _server(app, settings)
    try:
        server.run()
    finally:
        if app.state.batcher.abandoned or app.state.watchdog.gave_up:
            os._exit(1)  # at once: the interpreter would wait for a hung forward pass
    return 0 if server.started else 1


def _server(app: FastAPI, settings: Settings) -> Server:
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
            log_config=None,  # service.logs has what uvicorn says go the way of all else
            access_log=False,  # Telemetry logs requests, without what they carry
            server_header=False,
            proxy_headers=False,  # nothing here asks who the client is
            http=limited(settings.max_connections, app.state.shedder),  # type: ignore[arg-type]  # called, never looked at as a class
            ws="none",
            timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type]  # asyncio takes fractions
        ),
        settings,
        app.state.watchdog,
    )


def _allow_descriptors(n: int) -> None:
    """Raise the number of files that this process may open to ``n``. Raises: SettingsError where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        raise SettingsError(f"STANCE_MAX_CONNECTIONS: needs {n:,} open files, and this system allows {hard:,}")
    if soft != resource.RLIM_INFINITY and soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))


def _settings(arguments: Sequence[str]) -> Settings:
    """The settings, with keys that can be read. Raises: SettingsError, also where the service would lie open."""
    if set(arguments) - {"--insecure"}:  # not quoted: somebody may have tried a key
        raise SettingsError("there is no argument but --insecure; settings come from STANCE_* variables")
    settings = Settings.read({**os.environ, **({"STANCE_INSECURE": "true"} if arguments else {})})
    check_exposure(settings, KeyRing(settings))
    return settings


def _open(settings: Settings) -> StanceClassifier:
    """The classifier, warm, and the language detector read meanwhile: no caller waits for either. Raises: ParleyError.

    A model that cannot answer is not served: warming up raises.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="detector") as beside:
        detector = beside.submit(read_detector)
        classifier = open_model(settings)
        detector.result()
    return classifier


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
