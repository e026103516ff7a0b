"""The page for everybody: by keyboard, on a phone, in the dark, with a screen reader (axe-core's rules)."""

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
WATCH = """() => {
  window.passed = new Promise((done) => {
    addEventListener("mouseover", ({ target }) => { if (target.closest(".text .s")) done(); });
    setTimeout(done, 2000);
  });
}"""
"""Begins to wait until a statement comes to lie under a pointer at rest, which chromium tells it, or for 2 s."""
LAST_LINE = """node => {
  const { x, y, width, height } = [...node.getClientRects()].at(-1);
  return [x + width / 2, y + height / 2];
}"""
UNDER = """([above, below]) => {
  const { x, y, width, height } = document.querySelector(above).getBoundingClientRect();
  const lies = () => document.elementsFromPoint(x + width / 2, y + height / 2).some((one) => one.matches(below));
  scrollTo(0, 0);
  for (let tries = 0; tries < 200 && !lies(); tries += 1) scrollBy(0, 10);
  return lies();
}"""
"""Scrolls until one element lies under the middle of another."""


@pytest.fixture
def violations() -> Callable[[Any], list[str]]:
    """What axe-core, whose script comes with a Python package, finds against a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

    def find(page: Any) -> list[str]:
        found = axe.Axe().run(page).response["violations"]
        return [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"]]

    return find


def with_result(page: Any, *, by: str = "click") -> Any:
    """The page with the example read on it, by a mouse, which then rests there, or by tapping."""
    getattr(page, by)("#example")
    getattr(page, by)("#entry .primary")
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
    expect(page.locator(".panel")).to_contain_text("Marta Lindqvist")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).not_to_contain_text("Marta Lindqvist")
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

    def tab_to(selector: str) -> None:
        for _ in range(40):
            before = page.evaluate_handle("document.activeElement")
            page.keyboard.press("Tab")
            page.wait_for_function("before => document.activeElement !== before", arg=before)
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"Tab does not lead to {selector}")

    focused, panel = page.locator(".text .s:focus"), page.locator(".panel")
    pressed = page.locator(".s[aria-pressed=true]")
    tab_to(".skip")
    tab_to("#text")
    page.keyboard.type("Ada Novak said the union will never negotiate. Karim Haddad said that he was ready to talk.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#actors")
    expect(page.locator("#result-head")).to_be_focused()
    tab_to(".chip.hostile")
    page.keyboard.press("Space")
    expect(page.locator(".s.match")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.locator(".filtered")).to_have_count(0)
    tab_to(".text .s.stance-hostile")
    expect(panel).to_contain_text("Ada Novak")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_class("stance-conciliatory")
    expect(panel).to_contain_text("Karim Haddad")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("conciliatory, Karim Haddad")
    expect(pressed).to_have_count(1)
    page.keyboard.press("Escape")
    expect(pressed).to_have_count(0)
    page.keyboard.press("Home")
    expect(focused).to_contain_class("stance-hostile")
    page.focus("#tab-one")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#view-time")).to_be_visible()
    expect(page.locator("#tab-time")).to_be_focused()


def test_a_pointer_at_rest_chooses_nothing(open_page: Callable[..., Any]) -> None:
    """Where arrow keys scroll the text under a mouse that rests, the panel keeps to the keys."""
    page = with_result(open_page(viewport={"width": 1200, "height": 400}))
    statements = page.locator(".text .s")
    statements.first.focus()
    page.keyboard.press("End")
    expect(statements.last).to_be_focused()
    place = statements.nth(statements.count() - 2).evaluate(LAST_LINE)
    page.keyboard.press("Home")
    expect(statements.first).to_be_focused()
    page.mouse.move(*place)
    page.evaluate(WATCH)
    page.keyboard.press("End")
    expect(statements.last).to_be_focused()
    page.evaluate("window.passed")
    expect(statements.last).to_have_attribute("aria-pressed", "true")


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
    page = with_result(open_page(**PHONE), by="tap")
    panel = page.locator(".panel")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(panel).to_be_hidden()
    page.tap(".text .stance-conditional >> nth=0")
    expect(panel).to_contain_text("Marta Lindqvist")
    box = panel.bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    page.tap(".panel .close")
    expect(panel).to_be_hidden()
    page.tap("#tab-time")
    page.tap("#time-example")
    expect(page.locator("#documents tbody tr")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_closed_panel_stays_closed(open_page: Callable[..., Any]) -> None:
    """The statement that lay under the panel's button does not bring it up again, where there is a mouse besides."""
    page = with_result(open_page(**PHONE))
    page.tap(".text .stance-conditional >> nth=0")
    expect(page.locator(".panel")).to_contain_text("Marta Lindqvist")
    assert page.evaluate(UNDER, [".panel .close", ".text .s"])
    page.evaluate(WATCH)
    page.tap(".panel .close")
    expect(page.locator(".panel")).to_be_hidden()
    page.evaluate("window.passed")
    expect(page.locator(".panel")).to_be_hidden()


def test_a_touched_statement_is_chosen_wherever_it_stands(open_page: Callable[..., Any]) -> None:
    """On a phone a statement that the panel comes to cover is chosen too, and not only shown."""
    page = with_result(open_page(**PHONE), by="tap")
    page.eval_on_selector(".text .stance-conditional", "node => node.scrollIntoView({ block: 'end' })")
    page.tap(".text .stance-conditional >> nth=0")
    expect(page.locator("#status")).to_have_text("conditional, Marta Lindqvist")
    expect(page.locator(".panel")).to_contain_text("Marta Lindqvist")
