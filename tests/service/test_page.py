"""The page at /: open to everybody, held to its own files, fresh after every release, and careful with others' text."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.auth import fingerprint
from service.routes.page import TYPES

PAGE = Path(__file__).resolve().parents[2] / "service" / "page"
FILES = sorted(path.name for path in PAGE.iterdir() if path.suffix in TYPES)
SCRIPTS = [name for name in FILES if name.endswith(".js")]
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\b|new Function"
)
"""How a script makes markup, or code, of text."""
STORES = re.compile(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.")


def source(name: str) -> str:
    """The text of a file of the page."""
    return (PAGE / name).read_text(encoding="utf-8")


def test_it_is_served(client: TestClient) -> None:
    """The page comes as HTML at /, its files below /page/, each with its type."""
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    for name in set(FILES) - {"index.html"}:
        response = client.get(f"/page/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == TYPES[Path(name).suffix]
        assert response.content == (PAGE / name).read_bytes()


def test_it_needs_no_key(make_client: Callable[..., TestClient], assert_refused: Callable[..., Any]) -> None:
    """Where keys are set the page and its files are open, as they hold no data; what it asks is not."""
    locked = make_client(keys=f"desk {fingerprint(b'x')}")
    assert locked.get("/").status_code == 200
    assert locked.get("/page/app.js").status_code == 200
    for path in ("/analyze", "/analyze/file", "/classify"):
        assert_refused(
            locked.post(path, content=b"We will talk.", headers={"content-type": "text/plain"}), "unauthorized"
        )
    for path in ("/info", "/page", "//page/app.js", "/pages/app.js"):
        assert_refused(locked.get(path), "unauthorized")


@pytest.mark.parametrize("path", ["/page/other.js", "/page/index.html", "/page/", "/page/../settings.py"])
def test_nothing_else_is_served(client: TestClient, assert_refused: Callable[..., Any], path: str) -> None:
    """Only the page's own files are below /page/."""
    assert_refused(client.get(path), "not_found")


def test_it_can_be_left_out(make_client: Callable[..., TestClient], assert_refused: Callable[..., Any]) -> None:
    """A setting switches the page off; the routes for programs stay."""
    client = make_client(page=False)
    assert_refused(client.get("/"), "not_found")
    assert_refused(client.get("/page/app.js"), "not_found")
    assert client.post("/analyze", json={"text": "We will talk."}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/page.css"])
def test_the_policy_allows_its_own_files_alone(client: TestClient, path: str) -> None:
    """No script or style inside the page, no frame, no form and no other host: the policy allows none of them."""
    headers = client.get(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    assert {policy.pop(name) for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert set(policy.values()) == {"'none'"}
    assert policy.keys() == {"base-uri", "form-action", "frame-ancestors"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_nothing_in_it_breaks_the_policy() -> None:
    """The page has no script, style or handler of its own, and no file names another host."""
    page = source("index.html")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    for name in FILES:
        addresses = re.findall(r"https?://[^\s\"'<>)]+", source(name))
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, name


def test_every_file_that_is_named_exists() -> None:
    """What the page and its modules load is there, and every file is loaded by one of them."""
    named = set(re.findall(r'(?:href|src)="page/([\w.-]+)"', source("index.html")))
    named |= {name for script in SCRIPTS for name in re.findall(r'from "\./([\w.-]+)"', source(script))}
    assert named == set(FILES) - {"index.html"}


def test_it_is_installed_with_the_service(root: Path) -> None:
    """What is packed for an installation has every file of the page."""
    tool = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert "service.page" in tool["packages"]
    assert set(tool["package-data"]["service.page"]) >= {f"*{Path(name).suffix}" for name in FILES}


def test_browsers_ask_each_time_and_are_told_when_theirs_is_good(client: TestClient) -> None:
    """A file carries the hash of its content; who has it gets 304 without a body, and nobody keeps it unasked."""
    first = client.get("/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/page/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get("/page/app.js", headers={"if-none-match": '"other"'}).status_code == 200
    assert len({client.get(f"/page/{name}").headers["etag"] for name in SCRIPTS}) == len(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_markup_of_text_and_keep_nothing(name: str) -> None:
    """No script turns text into markup or code, or stores anything in the browser."""
    assert not MARKUP.search(source(name))
    assert not STORES.search(source(name))


@pytest.mark.parametrize("script", ["a.innerHTML = b", "eval(x)", "new Function(x)", "document.write(x)"])
def test_the_rule_about_markup_can_fail(script: str) -> None:
    """Each way to make markup or code of text is found."""
    assert MARKUP.search(script)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_short(name: str) -> None:
    """A module of the page is as short as one of the service."""
    assert len(source(name).splitlines()) <= 300
