"""One text on the page, as a person uses it: paste, drop, look, filter, ask why, take away."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

ARTICLE = (
    "The Dockworkers' Union broke off the talks on Thursday.\n\n"
    "“We will return to the table only if the dismissed drivers are reinstated,” Marta Lindqvist said. "
    "Paul Okafor said that the authority was ready to meet at any hour and without preconditions.\n\n"
    "The harbour handles a third of the country's grain."
)
DROP = """([name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


SPOKEN = """node => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll(".vh").forEach((one) => one.remove());
  return [...copy.children].map((one) => one.textContent).join(" ");
}"""
"""What stands in the text, without what is said beside it to those who do not see it."""
COLOUR = "node => getComputedStyle(node).backgroundImage + getComputedStyle(node).backgroundColor"


def words(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())


def saved(page: Any, button: str) -> str:
    """What is downloaded by a button."""
    with page.expect_download() as download:
        page.click(button)
    return str(download.value.path().read_text(encoding="utf-8"))


def test_a_pasted_text_is_read(read: Callable[[str], Any]) -> None:
    """Statements are tinted and signed by their stance, said in words too, and the text is all there."""
    page = read(ARTICLE)
    expect(page.locator("#result .summary")).to_contain_text("4 statements, 3 take a stance")
    expect(page.locator(".s.stance-conditional")).to_have_count(1)
    expect(page.locator(".s.stance-conditional .sign path")).to_have_count(1)
    expect(page.locator(".s.stance-conditional .vh")).to_contain_text("conditional, Marta Lindqvist")
    expect(page.locator(".s.stance-conditional u")).to_have_text("the dismissed drivers are reinstated")
    assert words(page.eval_on_selector(".text", SPOKEN)) == words(ARTICLE)
    colours = {
        page.eval_on_selector(f".s.stance-{stance}", COLOUR) for stance in ("conciliatory", "hostile", "conditional")
    }
    assert len(colours) == 3


def test_a_statement_tells_of_itself(read: Callable[[str], Any]) -> None:
    """Pointing at a statement shows its speaker and probabilities; a chosen one stays, and why is answered."""
    page = read(ARTICLE)
    panel = page.locator(".panel")
    page.hover(".text .stance-conciliatory")
    expect(panel).to_contain_text("Paul Okafor")
    page.click(".text .stance-conditional")
    expect(panel).to_contain_text("Marta Lindqvist")
    page.hover(".text .stance-conciliatory")
    expect(page.locator(".text .stance-conciliatory:hover")).to_have_count(1)
    expect(panel).to_contain_text("Marta Lindqvist")
    expect(panel).to_contain_text("the dismissed drivers are reinstated")
    expect(panel).to_have_text(re.compile("(%.*){4}", re.DOTALL))
    page.click("text=Why?")
    page.wait_for_selector(".why li")
    groups = page.locator(".why .words").all_inner_texts()
    assert words(" ".join(groups)) == words(page.locator(".panel .quote").inner_text())


@pytest.mark.parametrize(
    ("name", "media_type", "text"),
    [
        ("talks.txt", "text/plain", "Marta Lindqvist said the union would never negotiate."),
        ("talks.html", "text/html", "<nav>Menu</nav><p>Marta Lindqvist said the union would never negotiate.</p>"),
        ("talks.txt", "", "Marta Lindqvist said the union would never negotiate."),
    ],
)
def test_a_dropped_file_is_read(page: Any, name: str, media_type: str, text: str) -> None:
    """A file that is dropped anywhere is read at once, by the end of its name, which itself is not sent."""
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request))
    page.evaluate(DROP, ["secret " + name, media_type, text])
    page.wait_for_selector("#actors")
    expect(page.locator(".text .s")).to_have_text(re.compile(r"said the union would never negotiate\.$"))
    expect(page.locator("#drop")).to_be_hidden()
    (upload,) = [one for one in sent if one.url.endswith("/analyze/file")]
    assert "secret" not in f"{upload.url} {upload.all_headers()}"


def test_a_chosen_file_is_read(page: Any) -> None:
    """A file that is chosen is read as one that is dropped."""
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": ARTICLE.encode()}
    page.set_input_files("#file", file)
    page.wait_for_selector("#actors")
    expect(page.locator(".text .s")).to_have_count(4)


def test_filters_by_stance_and_speaker(read: Callable[[str], Any]) -> None:
    """Only what fits keeps its marks; how many is said; everything comes back."""
    page = read(ARTICLE)
    page.click(".chip.conditional")
    expect(page.locator(".chip.conditional")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".s.match")).to_have_count(1)
    expect(page.locator("#status")).to_contain_text("1 of 4")
    page.select_option("#actor-filter", label="Paul Okafor")
    expect(page.locator(".s.match")).to_have_count(0)
    page.click("text=Show all")
    expect(page.locator(".filtered")).to_have_count(0)
    page.click("#actors >> text=Paul Okafor")
    expect(page.locator("#actor-filter")).to_have_value("Paul Okafor")
    expect(page.locator(".filtered .s.match")).not_to_have_count(0)


def test_the_table_and_the_chart_lead_to_statements(read: Callable[[str], Any]) -> None:
    """A condition in the table, and a sign in the chart, go to the statement that they stand for."""
    page = read(ARTICLE)
    page.click("#actors >> text=the dismissed drivers are reinstated")
    expect(page.locator(".text .s:focus")).to_contain_class("stance-conditional")
    page.locator(".chart .mark.conciliatory").first.click()
    expect(page.locator(".text .s:focus")).to_contain_class("stance-conciliatory")
    expect(page.locator("#actors tbody tr >> nth=1")).to_be_visible()
    expect(page.locator("#actors tbody .leaning").first).to_have_text(re.compile("[−+]"))


def test_tables_and_documents_to_take_away(read: Callable[[str], Any]) -> None:
    """CSV has a row for each statement, JSON the whole answer with the text; a formula in a text stays a text."""
    page = read("=SUM(A1) said no to talks, and we will never negotiate.\n\n" + ARTICLE)
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").removeprefix("\ufeff"))))
    assert len(rows) == page.locator(".text .s").count()
    assert rows[0]["text"].startswith("'=SUM")
    assert all(row["speakers"].startswith(row["speaker"]) for row in rows)
    assert {row["stance"] for row in rows} <= {"conciliatory", "hostile", "conditional", "none"}
    document = json.loads(saved(page, "#save-json"))
    for one in document["statements"]:
        assert document["text"][one["start"] : one["end"]] == one["text"]


def test_a_report_is_printed(read: Callable[[str], Any]) -> None:
    """On paper stand text, names of stances and actors, and no form or button that asks for anything."""
    page = read(ARTICLE)
    page.emulate_media(media="print")
    expect(page.locator("#actors")).to_be_visible()
    for hidden in ("#entry", ".bar", ".panel", ".views"):
        expect(page.locator(hidden).first).to_be_hidden()
    label = page.eval_on_selector(".s.stance-conditional", "node => getComputedStyle(node, '::after').content")
    assert "conditional" in label


def test_places_count_characters_not_units(read: Callable[[str], Any]) -> None:
    """After an emoji the marks still stand where they should."""
    page = read("Good morning \U0001f91d\U0001f600. We will talk only if the sanctions \U0001f600 are lifted.")
    expect(page.locator(".s.stance-conditional u")).to_have_text(re.compile("^the sanctions"))
    expect(page.locator(".s.stance-conditional")).to_have_text(re.compile(r"are lifted\.$"))


def test_markup_in_a_text_stays_text(read: Callable[[str], Any]) -> None:
    """What looks like markup is shown as it was written, in the text, the panel and the table, and runs nowhere."""
    name = "<b id=planted>Ada</b>"
    page = read(
        f'<img src=x onerror="document.title=1"> said {name} Novak. <script>document.title = 2</script> No talks.'
    )
    page.focus(".text .s >> nth=0")
    expect(page.locator(".panel")).to_contain_text("<img src=x")
    expect(page.locator(".text")).to_contain_text("<script>")
    expect(page.locator("#planted, .text img, .text script, .panel img")).to_have_count(0)
    expect(page).to_have_title(re.compile("^Parley"))


def test_nothing_is_said_honestly(read: Callable[[str], Any]) -> None:
    """A text without a stance gets its statements, and no chart or table that would pretend to know something."""
    page = read("The harbour handles a third of the country's grain.")
    expect(page.locator("#result")).to_contain_text("Nothing here says whether anybody leans")
    expect(page.locator("#result")).to_contain_text("No speaker was found")
    expect(page.locator("#actors, .chart")).to_have_count(0)
