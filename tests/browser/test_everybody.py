"""The page for everybody: by keyboard, on a phone, in the dark, with a screen reader (axe-core's rules)."""

from collections.abc import Callable
from typing import Any

import pytest

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def violations() -> Callable[[Any], list[str]]:
    """What axe-core, whose script comes with a Python package, finds against a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

    def find(page: Any) -> list[str]:
        found = axe.Axe().run(page).response["violations"]
        return [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"]]

    return find


def with_result(page: Any) -> Any:
    """The page with the example read on it."""
    page.click("#example")
    page.click("#entry .primary")
    page.wait_for_selector("#actors")
    return page


@pytest.mark.parametrize(("scheme", "size"), [("light", {}), ("dark", PHONE)], ids=["desk", "dark-phone"])
def test_axe_finds_nothing(
    open_page: Callable[..., Any], violations: Callable[[Any], list[str]], scheme: str, size: dict[str, Any]
) -> None:
    """At the start, with a result and a statement chosen, and over time no rule is broken, contrast included."""
    page = open_page(color_scheme=scheme, **size)
    assert violations(page) == []
    with_result(page)
    page.locator(".text .stance-conditional").first.click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.click(".chip.hostile")
    page.click("#tab-time")
    page.click("#time-example")
    page.click("#time-analyze")
    page.wait_for_selector("#timeline")
    assert violations(page) == []


def test_the_rules_can_fail(page: Any, violations: Callable[[Any], list[str]]) -> None:
    """A picture without words is found."""
    page.evaluate("document.querySelector('main').append(new Image())")
    assert any(one.startswith("image-alt") for one in violations(page))


def test_all_of_it_by_keyboard(page: Any) -> None:
    """From the top of the page to a text read, its statements walked through, one chosen, and let go again."""

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.className"))

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if focused().startswith(name):
                return
        pytest.fail(f"Tab does not lead to {name}")

    tab_to("skip")
    tab_to("text")
    page.keyboard.type("Ada Novak said the union will never negotiate. Karim Haddad said that he was ready to talk.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#actors")
    assert focused() == "result-head"
    tab_to("chip hostile")
    page.keyboard.press("Space")
    assert page.locator(".s.match").count() == 1
    page.keyboard.press("Space")
    tab_to("s stance-hostile")
    assert "Ada Novak" in page.inner_text(".panel")
    page.keyboard.press("ArrowDown")
    assert focused().startswith("s stance-conciliatory")
    assert "Karim Haddad" in page.inner_text(".panel")
    page.keyboard.press("Enter")
    assert page.locator(".s[aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".s[aria-pressed=true]").count() == 0
    page.keyboard.press("Home")
    assert focused().startswith("s stance-hostile")
    page.focus("#tab-one")
    page.keyboard.press("ArrowRight")
    assert page.locator("#view-time").is_visible()
    assert focused() == "tab-time"


def test_the_dark(open_page: Callable[..., Any]) -> None:
    """Where the system is dark the page is: light letters on a dark ground."""

    def brightness(page: Any, what: str) -> int:
        colour = page.evaluate(f"getComputedStyle(document.documentElement).{what}")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    dark, light = open_page(color_scheme="dark"), open_page(color_scheme="light")
    assert brightness(dark, "backgroundColor") < 150 < brightness(dark, "color")
    assert brightness(light, "color") < 150 < brightness(light, "backgroundColor")


def test_a_phone(open_page: Callable[..., Any]) -> None:
    """At a phone's width nothing sticks out, and what is said of a statement comes up from below and goes again."""
    page = with_result(open_page(**PHONE))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.locator(".panel").is_visible()
    page.tap(".text .stance-conditional >> nth=0")
    box = page.locator(".panel").bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    assert "Marta Lindqvist" in page.inner_text(".panel")
    page.tap(".panel .close")
    assert not page.locator(".panel").is_visible()
    page.tap("#tab-time")
    page.tap("#time-example")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
