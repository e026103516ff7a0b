"""One text on the page, as a person uses it: paste, drop, look, filter, ask why, take away."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

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
    assert "4 statements, 3 take a stance" in page.inner_text("#result .summary")
    assert page.locator(".s.stance-conditional").count() == 1
    assert page.locator(".s.stance-conditional .sign path").count() == 1
    assert "conditional, Marta Lindqvist" in page.locator(".s.stance-conditional .vh").inner_text()
    assert words(page.locator(".s.stance-conditional u").inner_text()) == "the dismissed drivers are reinstated"
    assert words(page.eval_on_selector(".text", SPOKEN)) == words(ARTICLE)
    colours = {
        page.eval_on_selector(f".s.stance-{stance}", COLOUR) for stance in ("conciliatory", "hostile", "conditional")
    }
    assert len(colours) == 3


def test_a_statement_tells_of_itself(read: Callable[[str], Any]) -> None:
    """Pointing at a statement shows its speaker and probabilities; a chosen one stays, and why is answered."""
    page = read(ARTICLE)
    page.hover(".text .stance-conciliatory")
    assert "Paul Okafor" in page.inner_text(".panel")
    page.click(".text .stance-conditional")
    page.hover(".text .stance-conciliatory")
    panel = page.inner_text(".panel")
    assert "Marta Lindqvist" in panel
    assert "the dismissed drivers are reinstated" in panel
    assert panel.count("%") >= 4
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
    page.wait_for_selector("#result-head")
    page.wait_for_selector("#actors")
    assert words(page.locator(".text .s").inner_text()).endswith(
        "Marta Lindqvist said the union would never negotiate."
    )
    assert not page.locator("#drop").is_visible()
    (upload,) = [one for one in sent if one.url.endswith("/analyze/file")]
    assert "secret" not in f"{upload.url} {upload.all_headers()}"


def test_a_chosen_file_is_read(page: Any) -> None:
    """A file that is chosen is read as one that is dropped."""
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": ARTICLE.encode()}
    page.set_input_files("#file", file)
    page.wait_for_selector("#actors")
    assert page.locator(".text .s").count() == 4


def test_filters_by_stance_and_speaker(read: Callable[[str], Any]) -> None:
    """Only what fits keeps its marks; how many is said; everything comes back."""
    page = read(ARTICLE)
    page.click(".chip.conditional")
    assert page.get_attribute(".chip.conditional", "aria-pressed") == "true"
    assert page.locator(".s.match").count() == 1
    assert "1 of 4" in page.inner_text("#status")
    page.select_option("#actor-filter", label="Paul Okafor")
    assert page.locator(".s.match").count() == 0
    page.click("text=Show all")
    assert page.locator(".filtered").count() == 0
    page.click("#actors >> text=Paul Okafor")
    assert page.locator(".s.match").count() >= 1
    assert page.input_value("#actor-filter") == "Paul Okafor"


def test_the_table_and_the_chart_lead_to_statements(read: Callable[[str], Any]) -> None:
    """A condition in the table, and a sign in the chart, go to the statement that they stand for."""
    page = read(ARTICLE)
    page.click("#actors >> text=the dismissed drivers are reinstated")
    assert page.evaluate("document.activeElement.className").startswith("s stance-conditional")
    page.locator(".chart .mark.conciliatory").first.click()
    assert "stance-conciliatory" in page.evaluate("document.activeElement.className")
    assert page.locator("#actors tbody tr").count() >= 2
    assert "−" in page.inner_text("#actors .leaning >> nth=0") or "+" in page.inner_text("#actors .leaning >> nth=0")


def test_tables_and_documents_to_take_away(read: Callable[[str], Any]) -> None:
    """CSV has a row for each statement, JSON the whole answer with the text; a formula in a text stays a text."""
    page = read("=SUM(A1) said no to talks, and we will never negotiate.\n\n" + ARTICLE)
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv").removeprefix("\ufeff"))))
    assert len(rows) == page.locator(".text .s").count()
    assert rows[0]["text"].startswith("'=SUM")
    assert {row["stance"] for row in rows} <= {"conciliatory", "hostile", "conditional", "none"}
    document = json.loads(saved(page, "#save-json"))
    for one in document["statements"]:
        assert document["text"][one["start"] : one["end"]] == one["text"]


def test_a_report_is_printed(read: Callable[[str], Any]) -> None:
    """On paper stand text, names of stances and actors, and no form or button that asks for anything."""
    page = read(ARTICLE)
    page.emulate_media(media="print")
    assert page.locator("#actors").is_visible()
    for hidden in ("#entry", ".bar", ".panel", ".views"):
        assert not page.locator(hidden).first.is_visible()
    label = page.eval_on_selector(".s.stance-conditional", "node => getComputedStyle(node, '::after').content")
    assert "conditional" in label


def test_places_count_characters_not_units(read: Callable[[str], Any]) -> None:
    """After an emoji the marks still stand where they should."""
    page = read("Good morning \U0001f91d\U0001f600. We will talk only if the sanctions \U0001f600 are lifted.")
    assert words(page.locator(".s.stance-conditional u").inner_text()).startswith("the sanctions")
    assert page.locator(".s.stance-conditional").inner_text().endswith("are lifted.")


def test_markup_in_a_text_stays_text(read: Callable[[str], Any]) -> None:
    """What looks like markup is shown as it was written, in the text, the panel and the table, and runs nowhere."""
    name = "<b id=planted>Ada</b>"
    page = read(
        f'<img src=x onerror="document.title=1"> said {name} Novak. <script>document.title = 2</script> No talks.'
    )
    page.focus(".text .s >> nth=0")
    assert page.locator("#planted, .text img, .text script, .panel img").count() == 0
    assert "<script>" in page.inner_text(".text")
    assert page.title().startswith("Parley")


def test_nothing_is_said_honestly(read: Callable[[str], Any]) -> None:
    """A text without a stance gets its statements, and no chart or table that would pretend to know something."""
    page = read("The harbour handles a third of the country's grain.")
    assert "Nothing here says whether anybody leans" in page.inner_text("#result")
    assert "No speaker was found" in page.inner_text("#result")
    assert page.locator("#actors, .chart").count() == 0
