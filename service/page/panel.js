// Beside the text: who says a statement, how sure the model is, on what condition, and, when asked, why.

import { explain } from "./api.js";
import { NAMES, STANCES, el, percent, sign, signed, svg } from "./dom.js";

const SPEECH = {
  direct: "quoted", mixed: "quoted in part", indirect: "reported speech", act: "a reported act",
  voice: "the issuing body's own words", transcript: "transcript", none: "the writer's own words",
};
const STRONG = 0.1; // a drop of ten points is more than what neighbours in a batch, or rounding, may cause

export class Panel {
  constructor({ onTrouble, onClose }) {
    this.onTrouble = onTrouble;
    this.onClose = onClose;
    this.root = el("aside", { class: "panel idle", "aria-label": "About the chosen statement", tabindex: "0" });
    this.show(null);
  }

  show(statement) {
    this.statement = statement;
    this.root.classList.toggle("idle", !statement);
    if (!statement) {
      this.root.replaceChildren(el("p", { class: "empty" }, "Point at a statement, or go to the text with Tab and use the arrow keys. Enter keeps one here."));
      return;
    }
    const { stance, certain } = statement;
    this.reasons = el("div", { role: "status" });
    this.root.replaceChildren(
      el("button", { type: "button", class: "close", onclick: () => this.onClose() }, "Close"),
      el("h3", { class: stance }, sign(stance), NAMES[stance]),
      el("p", { class: "hint" }, certain ? "Certain: no other stance is left in the prediction set." : `Not certain: ${statement.prediction_set.map((one) => NAMES[one]).join(", ")} are possible.`),
      el("p", { class: "quote" }, statement.text),
      this.facts(statement),
      this.bars(statement),
      el("button", { type: "button", onclick: () => this.why() }, "Why?"),
      this.reasons,
    );
  }

  facts(statement) {
    const rows = [["Speaker", statement.speakers.join(", ") || (statement.speech === "none" ? "nobody: narration" : "unknown")], ["Speech", SPEECH[statement.speech] ?? statement.speech]];
    if (statement.source && statement.source.text !== statement.speaker) rows.push(["Named as", statement.source.text]);
    if (statement.cue) rows.push(["Attributed by", statement.cue.text]);
    if (statement.addressee) rows.push(["Said to", statement.addressee]);
    for (const condition of statement.conditions) rows.push(["Condition", [condition.text, el("span", { class: "hint" }, ` (${condition.kind})`)]]);
    if (statement.truncated) rows.push(["Note", "longer than the model reads; its end was ignored"]);
    return el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  bars(statement) {
    const rows = STANCES.map((stance) => {
      const value = statement.probabilities[stance];
      const bar = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { class: "track", width: 100, height: 10 }),
        svg("rect", { class: stance === "none" ? "dot" : stance, width: Math.max(value * 100, 0.5), height: 10 }));
      return el("tr", {}, el("th", { scope: "row" }, NAMES[stance]), el("td", { class: "wide" }, bar), el("td", {}, percent(value)));
    });
    return el("table", { class: "bars" }, el("caption", { class: "vh" }, "Calibrated probabilities"), el("tbody", {}, rows));
  }

  async why() {
    const { statement, reasons } = this;
    reasons.replaceChildren(el("p", { class: "hint" }, "Reading it again without each group of words …"));
    try {
      const answer = await explain(statement.text);
      if (this.statement !== statement) return;
      reasons.replaceChildren(
        el("p", { class: "hint" }, `How far “${NAMES[answer.stance]}” drops without each group of words:`),
        el("ul", { class: "why" }, answer.explanation.map((group) => el("li", {},
          el("span", { class: `words${group.drop >= STRONG ? " strong" : ""}` }, group.text),
          el("span", { class: "drop-value" }, `${signed(-group.drop * 100).replace(/\.\d+$/, "")} pts`)))),
        el("p", { class: "hint" }, "It says what moves the model, not that the model is right."),
      );
    } catch (error) {
      reasons.replaceChildren(el("p", { class: "hint" }, error.message));
      this.onTrouble(error);
    }
  }
}
