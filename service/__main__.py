"""Serve the model over HTTP.

python -m service            settings come from STANCE_* variables; see service/settings.py and docs/api.md
"""

import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import uvicorn

from models.classifier import StanceClassifier
from models.errors import ParleyError
from models.language import foreign_language
from service.app import create_app
from service.connection import Connection
from service.schemas import EXAMPLE_TEXT
from service.settings import Settings, SettingsError

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
            print(BANNER.format(host=f"[{host}]" if ":" in host else host, port=port, text=EXAMPLE_TEXT), flush=True)


def main() -> int:
    """The program; returns its exit status: 2 for bad settings, 1 for a model that cannot be served, else 0."""
    for name in (signal.SIGINT, signal.SIGTERM):  # uvicorn drains on these, then raises them again for us
        signal.signal(name, _leave)
    try:
        settings = Settings.read(os.environ)
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
        # The tokeniser's own pool, made with the first text: as many threads as the engine, unless the operator set it.
        tokeniser_threads = os.environ.setdefault("RAYON_NUM_THREADS", str(settings.threads or os.cpu_count() or 1))
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
    app = create_app(settings, classifier)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
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


def _open(settings: Settings) -> StanceClassifier:
    """The classifier, warm, and the language detector read meanwhile: no caller waits for either. Raises: ParleyError.

    A model that cannot answer is not served: warming up raises.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="detector") as beside:
        detector = beside.submit(foreign_language, EXAMPLE_TEXT)
        classifier = StanceClassifier.open(settings.model, engine=settings.engine, threads=settings.threads)
        classifier.warm_up()
        detector.result()
    return classifier


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
