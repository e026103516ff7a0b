"""GET /docs: Swagger UI over /openapi.json, from files that are installed here; nothing is loaded from elsewhere."""

import base64
import hashlib
import re
from importlib import resources
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

from service.errors import BadRequest

FILES: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
EMPTY_ICON: Final = "data:,"


def make_router(*, title: str, openapi_url: str) -> APIRouter:
    """The router of the documentation page and of the files that it needs, none of them in the OpenAPI document."""
    router = APIRouter(include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url=openapi_url.lstrip("/"),
        title=title,
        swagger_js_url="docs/swagger-ui-bundle.js",  # relative, so that a prefix in front of the service does no harm
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url=EMPTY_ICON,
    )
    headers = {"content-security-policy": _policy(bytes(page.body).decode())}

    @router.get("/docs")
    async def docs() -> Response:
        """Show the documentation."""
        return HTMLResponse(page.body, headers=headers)

    @router.get("/docs/{name}")
    def file(name: str) -> Response:
        """Give a file of Swagger UI."""
        if name not in FILES:
            raise BadRequest("not_found", "there is nothing at this path")
        content = resources.files("fastapi_offline").joinpath("static", name).read_bytes()
        return Response(content, media_type=FILES[name])

    return router


def _policy(page: str) -> str:
    """The policy that lets the page run its own script and those of this service, and ask this service only."""
    digests = (hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
