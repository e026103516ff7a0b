"""GET /: the page on which people use the service, from the files in service/page; nothing is loaded from elsewhere."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import BadRequest

TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
INDEX: Final = "index.html"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts and styles are files of this service, never part of the page, and ask this service only."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page, with the hash by which browsers know whether theirs is still good."""

    content: bytes
    media_type: str
    etag: str

    def answer(self, request: Request) -> Response:
        """The file, or 304 where the browser has it. Browsers ask each time: a new version is whole at once."""
        headers = {"etag": self.etag, "cache-control": "no-cache", "content-security-policy": POLICY}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def make_router() -> APIRouter:
    """The router of the page and its files, none of them in the OpenAPI document."""
    router = APIRouter(include_in_schema=False)
    assets = _read()

    @router.get("/")
    async def page(request: Request) -> Response:
        """Show the page."""
        return assets[INDEX].answer(request)

    @router.get("/page/{name}")
    async def file(name: str, request: Request) -> Response:
        """Give a file of the page."""
        if name not in assets or name == INDEX:
            raise BadRequest("not_found", "there is nothing at this path")
        return assets[name].answer(request)

    return router


def _read() -> dict[str, Asset]:
    """The files of the page by name."""
    assets = {}
    for file in resources.files("service").joinpath("page").iterdir():
        media_type = TYPES.get(f".{file.name.rpartition('.')[2]}")
        if media_type:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:32]
            assets[file.name] = Asset(content, media_type, f'"{digest}"')
    return assets
