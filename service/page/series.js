// The second view: a list of dated texts, read one after another, and what comes of them.

import { Trouble, analyze, typeOf } from "./api.js";
import { byId, el, plural } from "./dom.js";
import { SERIES } from "./examples.js";
import { csv, save } from "./exports.js";
import { Reading } from "./reading.js";
import { dateIn, series, timeline, timelineRows, timelineTable } from "./timeline.js";

export class SeriesView {
  constructor({ trouble, clearTrouble }) {
    Object.assign(this, { trouble, clearTrouble, documents: [], running: null });
    byId("time-entry").addEventListener("submit", (event) => { event.preventDefault(); this.addTyped(); });
    byId("time-files").addEventListener("change", (event) => { this.add([...event.target.files], ""); event.target.value = ""; });
    byId("time-example").addEventListener("click", () => { this.documents = SERIES.map((one) => ({ ...one, source: one.text })); this.list(); });
    byId("time-cancel").addEventListener("click", () => this.running?.abort());
  }

  addTyped() {
    const text = byId("time-text"), date = byId("time-date");
    if (!text.value.trim()) { this.trouble(new Trouble("There is nothing to add yet: paste a text, or choose files.")); return; }
    this.clearTrouble();
    this.documents.push({ title: text.value.trim().split("\n")[0].slice(0, 80), date: date.value, source: text.value });
    text.value = "";
    date.value = "";
    this.list();
  }

  add(files, text) {
    try {
      for (const file of files) {
        typeOf(file);
        this.documents.push({ title: file.name, date: dateIn(file.name), source: file });
      }
      if (!files.length && text.trim()) this.documents.push({ title: text.trim().split("\n")[0].slice(0, 80), date: "", source: text });
      this.clearTrouble();
    } catch (error) {
      this.trouble(error);
    }
    this.list();
  }

  list() {
    byId("time-result").replaceChildren();
    const rows = this.documents.map((one, index) => el("tr", {},
      el("td", {}, el("input", { type: "text", value: one.title, maxlength: 300, "aria-label": `Title of text ${index + 1}`, oninput: (event) => { one.title = event.target.value; } })),
      el("td", {}, el("input", { type: "date", value: one.date, "aria-label": `Date of text ${index + 1}`, oninput: (event) => { one.date = event.target.value; this.show(); } })),
      el("td", {}, one.reading ? plural(one.reading.statements.length, "statement") : "not read yet"),
      el("td", {}, el("button", { type: "button", "aria-label": `Remove text ${index + 1}`, onclick: () => { this.documents.splice(index, 1); this.list(); this.show(); } }, "Remove"))));
    byId("documents").replaceChildren(...(rows.length ? [
      el("div", { class: "scroll" }, el("table", { class: "data documents" }, el("thead", {}, el("tr", {}, ["Title", "Date", "State", "Remove"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))),
      el("div", { class: "row" }, el("button", { type: "button", class: "primary", id: "time-analyze", onclick: () => this.read() }, `Analyze ${plural(rows.length, "text")}`)),
    ] : []));
  }

  async read() {
    const undated = this.documents.filter((one) => !one.date).length;
    if (undated) { this.trouble(new Trouble(`${plural(undated, "text")} ${undated === 1 ? "has" : "have"} no date yet.`)); return; }
    this.clearTrouble();
    this.running?.abort();
    const mine = (this.running = new AbortController());
    const todo = this.documents.filter((one) => !one.reading);
    this.busy(true, todo.length);
    try {
      for (const [index, one] of todo.entries()) {
        byId("time-progress").value = index;
        byId("time-progress-label").textContent = `Text ${index + 1} of ${todo.length}`;
        const reading = new Reading({ text: one.source instanceof File ? "" : one.source, title: one.title, date: one.date });
        await analyze(one.source, { signal: mine.signal, onLine: (line) => reading.take(line) });
        one.reading = reading;
      }
      byId("time-status").textContent = `Done: ${plural(todo.length, "text")}.`;
    } catch (error) {
      if (error.name !== "AbortError") this.trouble(error, () => this.read());
    } finally {
      if (mine === this.running) this.busy(false, 0);
      this.list();
      this.show();
    }
  }

  busy(is, n) {
    byId("time-work").hidden = !is;
    byId("time-progress").max = Math.max(n, 1);
  }

  show() {
    const read = this.documents.filter((one) => one.reading);
    if (!read.length) { byId("time-result").replaceChildren(); return; }
    const lines = series(read);
    byId("time-result").replaceChildren(el("h2", {}, "How each actor leans over time"), ...(lines.length ? [
      el("p", { class: "hint" }, "+1 is conciliatory, −1 hostile. Bands are 95 % intervals: where they overlap, a move may be chance. Names that differ only by a first name or title are taken for one actor."),
      el("div", { class: "bar", role: "group", "aria-label": "Exports" },
        el("button", { type: "button", id: "time-csv", onclick: () => save(csv(timelineRows(lines)), "text/csv;charset=utf-8", "timeline.csv") }, "CSV"),
        el("button", { type: "button", id: "time-json", onclick: () => save(JSON.stringify(read.map((one) => ({ ...one.reading.asDocument(), title: one.title, date: one.date })), null, 2), "application/json", "analyses.json") }, "JSON"),
        el("button", { type: "button", onclick: () => window.print() }, "Print")),
      timeline(lines), el("h2", {}, "In numbers"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The timeline in numbers" }, timelineTable(lines)),
    ] : [el("p", { class: "empty" }, "Nobody takes a stance toward negotiations in these texts.")]));
  }
}
