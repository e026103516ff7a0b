"""The second view: several dated texts, and how each actor moves between them."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

FIRST = "Ada Novak said that she would never negotiate with the league."
SECOND = "Ada Novak said that she was ready to meet the league at any hour. Novak welcomed the offer of talks."


def upload(name: str, text: str) -> dict[str, Any]:
    """A file to choose."""
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_dated_files_become_a_timeline(page: Any) -> None:
    """Dates are taken from names of files; each actor has a line with its uncertainty, and a table to take away."""
    page.click("#tab-time")
    page.set_input_files("#time-files", [upload("2026-11-02 second.txt", SECOND), upload("wire_20261001.txt", FIRST)])
    dates = page.locator("#documents input[type=date]")
    expect(dates).to_have_count(2)
    expect(dates.nth(0)).to_have_value("2026-11-02")
    expect(dates.nth(1)).to_have_value("2026-10-01")
    page.click("#time-analyze")
    expect(page.locator("#timeline figcaption >> text=Ada Novak")).to_have_count(1)
    expect(page.locator("#timeline .band")).not_to_have_count(0)
    expect(page.locator("#timeline .whisker >> nth=1")).to_be_attached()
    with page.expect_download() as download:
        page.click("#time-csv")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    own = [row for row in rows if row["actor"] == "Ada Novak"]
    assert [row["date"] for row in own] == ["2026-10-01", "2026-11-02"]
    for row in own:
        assert float(row["low"]) <= float(row["leaning"]) <= float(row["high"])
    assert float(own[0]["leaning"]) < float(own[1]["leaning"])


def test_texts_are_pasted_dated_and_removed(page: Any) -> None:
    """A pasted text waits for a date before anything is read; one can be taken out, and the picture follows."""
    page.click("#tab-time")
    page.fill("#time-text", FIRST)
    page.click("#time-entry button[type=submit]")
    page.click("#time-analyze")
    expect(page.locator("#trouble-text")).to_contain_text("1 text has no date yet")
    expect(page.locator("#trouble")).to_be_visible()
    page.fill("#documents input[type=date]", "2026-10-01")
    page.fill("#time-text", SECOND)
    page.fill("#time-date", "2026-11-02")
    page.click("#time-entry button[type=submit]")
    page.click("#time-analyze")
    page.wait_for_selector("#timeline .band")
    page.click("[aria-label='Remove text 2']")
    page.wait_for_selector("#timeline .band", state="detached")
    expect(page.locator("#timeline .point")).to_have_count(1)


def test_names_of_one_actor_are_brought_together(page: Any) -> None:
    """A name that ends one longer name is that actor's; one that ends two, or that a text keeps apart, stays apart."""
    found = page.evaluate("""async () => {
      const { actorNames } = await import("/page/timeline.js");
      const texts = [["Novak", "the union", "Kim"], ["Ada Novak", "Jae Kim", "The Union"], ["Min Kim"]];
      return [[...actorNames(texts)], [...actorNames([["Novak", "Ada Novak"]])]];
    }""")
    assert dict(found[0]) == {
        "Ada Novak": "Ada Novak", "Novak": "Ada Novak", "Kim": "Kim", "Jae Kim": "Jae Kim", "Min Kim": "Min Kim",
        "the union": "the union", "The Union": "the union",
    }  # fmt: skip
    assert dict(found[1]) == {"Novak": "Novak", "Ada Novak": "Ada Novak"}
