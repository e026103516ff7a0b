// The actors of a text: a table, and a chart of each one's stances in the order of the text.

import { NAMES, STANCES, TAKEN, el, plural, shape, sign, signed, svg } from "./dom.js";

const MAX_ROWS = 12; // of the chart: more would be rows of one sign each

export function leaningCell(leaning) {
  if (!leaning) return [el("span", { class: "hint" }, "no stance")];
  const at = (value) => 76 + value * 70;
  return [
    svg("svg", { viewBox: "0 0 152 18", "aria-hidden": "true" },
      svg("line", { class: "axis", x1: 6, x2: 146, y1: 9, y2: 9 }),
      svg("line", { class: "axis strong", x1: 76, x2: 76, y1: 2, y2: 16 }),
      svg("line", { class: "whisker", x1: at(leaning.low), x2: at(leaning.high), y1: 9, y2: 9 }),
      svg("circle", { class: "dot", cx: at(leaning.value), cy: 9, r: 4.5 })),
    el("small", {}, `${signed(leaning.value)} (${signed(leaning.low)} to ${signed(leaning.high)})`),
  ];
}

export function actorTable(reading, { onActor, onStatement }) {
  const head = ["Actor", ...STANCES.map((one) => NAMES[one]), "Leaning", "Its conditions, in its words", "Most certain"];
  const rows = reading.actors.filter((actor) => actor.n_statements).map((actor) => el("tr", {},
    el("th", { scope: "row" }, el("button", { type: "button", class: "plain", onclick: () => onActor(actor.name) }, actor.name)),
    STANCES.map((stance) => el("td", { class: "number", "data-label": NAMES[stance] }, String(actor.counts[stance]))),
    el("td", { class: "leaning", "data-label": "Leaning" }, leaningCell(actor.leaning)),
    el("td", { "data-label": "Conditions" }, actor.conditions.length ? el("ul", {}, actor.conditions.map((condition) => el("li", {},
      el("button", { type: "button", class: "plain", onclick: () => onStatement(condition.statement) }, condition.text)))) : ""),
    el("td", { "data-label": "Most certain" }, Object.keys(actor.most_certain).length ? el("ul", {}, TAKEN.filter((stance) => stance in actor.most_certain).map((stance) => el("li", {},
      el("button", { type: "button", class: `plain ${stance}`, onclick: () => onStatement(actor.most_certain[stance]) }, sign(stance), ` ${NAMES[stance]}`)))) : "")));
  return el("table", { class: "data cards", id: "actors" },
    el("caption", {}, "Leaning runs from −1 (hostile) to +1 (conciliatory); the line is a 95 % interval, wide where there are few statements."),
    el("thead", {}, el("tr", {}, head.map((name, column) => el("th", { scope: "col", class: column > 0 && column < 5 ? "number" : null }, name)))),
    el("tbody", {}, rows));
}

export function orderChart(reading, { onStatement }) {
  const actors = reading.actors.filter((actor) => actor.n_statements).slice(0, MAX_ROWS);
  const width = 720, left = 170, right = 24, row = 30, top = 14;
  const height = top + row * actors.length + 30;
  const n = Math.max(reading.statements.length - 1, 1);
  const x = (index) => left + (index / n) * (width - left - right);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary(actors) });
  actors.forEach((actor, line) => {
    const y = top + row * (line + 0.5);
    chart.append(svg("text", { x: 12, y: y + 4 }, shortened(actor.name, 24), svg("title", {}, actor.name)), svg("line", { class: "axis", x1: left, x2: width - right, y1: y, y2: y }));
    for (const statement of reading.statements.filter((one) => one.speakers.includes(actor.name))) {
      const mark = shape(statement.stance, x(statement.index), y, 7, { class: "mark", "data-index": statement.index, onclick: () => onStatement(statement.index) });
      mark.append(svg("title", {}, `${NAMES[statement.stance]}: ${shortened(statement.text, 120)}`));
      chart.append(mark);
    }
  });
  chart.append(svg("text", { class: "soft", x: left, y: height - 8 }, "beginning of the text"), svg("text", { class: "soft", x: width - right, y: height - 8, "text-anchor": "end" }, "end"));
  return chart;
}

function summary(actors) {
  const each = actors.map((actor) => `${actor.name}: ${TAKEN.filter((one) => actor.counts[one]).map((one) => `${actor.counts[one]} ${one}`).join(", ") || "no stance"}`);
  return `Each actor's stances in the order of the text. ${each.join("; ")}. The table above has the same.`;
}

export function addressedList(reading) {
  return el("ul", { id: "addressed" }, reading.addressed.map((pair) => {
    const stances = TAKEN.filter((one) => pair.counts[one]).map((one) => `${pair.counts[one]} ${one}`).join(", ");
    return el("li", {}, `${pair.speaker} → ${pair.addressee}: ${plural(pair.n_statements, "statement")}${stances ? `, ${stances}` : ""}`);
  }));
}

export const shortened = (text, n) => ([...text].length > n ? `${[...text].slice(0, n - 1).join("")}…` : text);
