// The answer for one text, put together: summary, filters, the marked text and its panel, actors, exports.

import { actorTable, addressedList, orderChart } from "./actors.js";
import { NAMES, STANCES, el, plural, sign } from "./dom.js";
import { save, statementsCsv } from "./exports.js";
import { Panel } from "./panel.js";
import { MarkedText } from "./text.js";

const UNKNOWN = "\u0000unknown"; // no name can be this

export class Result {
  constructor(reading, { status, onTrouble }) {
    this.reading = reading;
    this.status = status;
    this.panel = new Panel({ onTrouble, onClose: () => this.choose(null) });
    this.stances = new Set();
    this.actor = "";
    this.root = el("div", { class: "result" });
  }

  // As soon as the statements are known, before any has been read.
  begin() {
    this.text = new MarkedText(this.reading, { onSelect: (statement, how) => this.choose(statement, how) });
    this.head = el("div");
    this.foot = el("div");
    this.root.replaceChildren(this.head, el("div", { class: "reading" }, this.text.root, this.panel.root), this.foot);
  }

  finish() {
    const { reading } = this;
    this.text.done();
    this.head.replaceChildren(...this.summary());
    if (!reading.statements.length) return;
    this.head.append(this.filters(), this.legend());
    this.foot.replaceChildren(...this.overview());
  }

  choose(statement, { pin = false } = {}) {
    if (!statement) this.text.unpin();
    this.panel.show(statement);
    this.root.classList.toggle("has-panel", Boolean(statement));
    if (pin && statement) this.status.textContent = `${NAMES[statement.stance]}${statement.speaker ? `, ${statement.speaker}` : ""}`;
  }

  show(index) {
    const statement = this.reading.statements[index];
    if (this.stances.size || this.actor) this.reset();
    this.text.show(statement);
  }

  summary() {
    const { reading } = this;
    const taken = reading.withStance().length;
    const speakers = reading.actors.filter((actor) => actor.n_statements).length;
    const parts = [el("div", { class: "summary" },
      el("h2", { id: "result-head", tabindex: "-1" }, reading.title || "What was found"),
      el("p", {}, [reading.date, `${plural(reading.statements.length, "statement")}, ${taken === 0 ? "none of them takes" : `${taken.toLocaleString("en")} ${taken === 1 ? "takes" : "take"}`} a stance toward negotiations; ${plural(speakers, "speaker")}.`].filter(Boolean).join(" · ")))];
    if (reading.language) parts.push(el("p", { class: "warning" }, `This seems to be another language (${reading.language.code}). The model reads English only; do not rely on what follows.`));
    if (reading.n_unknown) parts.push(el("p", { class: "hint" }, `${plural(reading.n_unknown, "statement")} could not be given to a speaker; they count for nobody.`));
    if (reading.failed.length) parts.push(el("p", { class: "warning" }, `${plural(reading.failed.length, "statement")} could not be read by the model; they count for nobody.`));
    if (!taken) parts.push(el("p", { class: "empty" }, "Nothing here says whether anybody leans toward talks or away from them. That is an answer too."));
    return parts;
  }

  filters() {
    const counts = Object.fromEntries(STANCES.map((stance) => [stance, this.reading.statements.filter((one) => one.stance === stance).length]));
    this.chips = STANCES.map((stance) => el("button", { type: "button", class: `chip ${stance}`, "aria-pressed": "false", "data-stance": stance, onclick: () => this.toggle(stance) }, sign(stance), `${NAMES[stance]} ${counts[stance]}`));
    const names = this.reading.actors.filter((actor) => actor.n_statements).map((actor) => actor.name);
    this.actorSelect = el("select", { id: "actor-filter", onchange: (event) => { this.actor = event.target.value; this.apply(); } },
      el("option", { value: "" }, "everybody"), names.map((name) => el("option", { value: name }, name)),
      this.reading.n_unknown ? el("option", { value: UNKNOWN }, "unknown") : null);
    this.all = el("button", { type: "button", onclick: () => this.reset(), hidden: true }, "Show all");
    return el("div", { class: "bar", role: "group", "aria-label": "Filters and exports" }, this.chips,
      el("label", { for: "actor-filter" }, "Speaker"), this.actorSelect, this.all, el("span", { class: "spacer" }),
      el("button", { type: "button", id: "save-csv", onclick: () => save(statementsCsv(this.reading), "text/csv;charset=utf-8", "statements.csv") }, "CSV"),
      el("button", { type: "button", id: "save-json", onclick: () => save(JSON.stringify(this.reading.asDocument(), null, 2), "application/json", "analysis.json") }, "JSON"),
      el("button", { type: "button", id: "print", onclick: () => window.print() }, "Print"));
  }

  legend() {
    return el("p", { class: "legend" },
      el("span", {}, el("span", { class: "s stance-conciliatory" }, "whole line"), "certain"),
      el("span", {}, el("span", { class: "s unsure stance-conciliatory" }, "half line"), "others are possible"),
      el("span", {}, el("span", { class: "s" }, el("u", {}, "underlined")), "the condition"));
  }

  overview() {
    const { reading } = this;
    const speakers = reading.actors.filter((actor) => actor.n_statements);
    const parts = [el("h2", {}, "Actors")];
    if (!speakers.length) return [...parts, el("p", { class: "empty" }, "No speaker was found in this text.")];
    parts.push(el("div", { class: "scroll" }, actorTable(reading, { onActor: (name) => this.only(name), onStatement: (index) => this.show(index) })));
    parts.push(el("h2", {}, "In the order of the text"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stances in the order of the text" }, orderChart(reading, { onStatement: (index) => this.show(index) })));
    if (reading.addressed.length) parts.push(el("h2", {}, "Who speaks to whom"), addressedList(reading));
    return parts;
  }

  toggle(stance) {
    if (!this.stances.delete(stance)) this.stances.add(stance);
    this.apply();
  }

  only(name) {
    this.actor = [...this.actorSelect.options].some((option) => option.value === name) ? name : "";
    this.apply();
    this.text.root.scrollIntoView({ block: "start" });
  }

  reset() {
    this.stances.clear();
    this.actor = "";
    this.apply();
  }

  apply() {
    const fits = (statement) => (!this.stances.size || this.stances.has(statement.stance))
      && (!this.actor || (this.actor === UNKNOWN ? !statement.speaker && statement.speech !== "none" : statement.speakers.includes(this.actor)));
    const active = this.stances.size > 0 || this.actor !== "";
    this.text.filter(fits, active);
    this.actorSelect.value = this.actor;
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(this.stances.has(chip.dataset.stance)));
    this.all.hidden = !active;
    const n = this.reading.statements.filter(fits).length;
    this.status.textContent = active ? `${n} of ${plural(this.reading.statements.length, "statement")} shown` : "All statements shown";
    for (const mark of this.root.querySelectorAll(".mark")) mark.classList.toggle("faint", active && !fits(this.reading.statements[mark.dataset.index]));
  }
}
