"""Serve the model over HTTP.

python -m service              settings come from STANCE_* variables; see service/settings.py and docs/api.md
python -m service --insecure   as with STANCE_INSECURE=true: anybody who reaches the address may ask
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import uvicorn

from models.classifier import StanceClassifier
from models.errors import ParleyError
from models.language import foreign_language
from service import logs
from service.app import create_app
from service.auth import KeyRing, check_exposure
from service.connection import Connection
from service.rollover import open_model
from service.schemas import EXAMPLE_TEXT
from service.settings import Settings, SettingsError
from service.tracing import open_provider

BANNER = """Parley answers at http://{host}:{port} (documentation: /docs). Try:

  curl -s {host}:{port}/classify -H 'content-type: application/json' \\
    -d '{{"text": "{text}"}}'
"""


class Server(uvicorn.Server):
    """uvicorn, saying where it listens once it does."""

    async def startup(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]  # as in uvicorn
        """Start to listen, then print the address and an example."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            if hasattr(signal, "SIGHUP"):  # not on Windows
                app: Any = self.config.app
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.state.reload)
            print(BANNER.format(host=f"[{host}]" if ":" in host else host, port=port, text=EXAMPLE_TEXT), flush=True)


def main(arguments: Sequence[str] = ()) -> int:
    """The program; returns its exit status: 2 for bad settings, 1 for a model that cannot be served, else 0."""
    for name in (signal.SIGINT, signal.SIGTERM):  # uvicorn drains on these, then raises them again for us
        signal.signal(name, _leave)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing to read again yet
    try:
        settings = _settings(arguments)
        logs.configure(settings)
        # The tokeniser's own pool, made with the first text: as many threads as the engine, unless the operator set it.
        tokeniser_threads = os.environ.setdefault("RAYON_NUM_THREADS", str(settings.threads or os.cpu_count() or 1))
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
    app = create_app(settings, classifier, spans=spans)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
            log_config=None,  # service.logs has what uvicorn says go the way of all else
            access_log=False,  # Telemetry logs requests, without what they carry
            server_header=False,
            http=Connection,
            ws="none",
            timeout_graceful_shutdown=round(settings.drain_seconds) or 1,
        )
    )
    try:
        server.run()
    finally:
        if app.state.batcher.abandoned:  # the interpreter would wait for the hung forward pass before it ends
            os._exit(1)
    return 0 if server.started else 1


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
        detector = beside.submit(foreign_language, EXAMPLE_TEXT)
        classifier = open_model(settings)
        detector.result()
    return classifier


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
