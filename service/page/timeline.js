// Several dated texts, and how each actor moves between them.

import { shortened } from "./actors.js";
import { el, plural, signed, svg } from "./dom.js";

const DAY = 86_400_000;
const WIDTH = 360, HEIGHT = 190, LEFT = 34, RIGHT = 14, TOP = 12, BOTTOM = 34;

// A date in a file's name or in the first lines of nothing else: what is guessed should be seen at once.
export function dateIn(name) {
  const found = /(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})/.exec(name);
  if (!found) return "";
  const date = `${found[1]}-${found[2]}-${found[3]}`;
  return Number.isNaN(Date.parse(date)) ? "" : date;
}

// Names of one actor over several texts, given those of each: equal but for case, or the end of one longer name and of
// no other. Names that one text keeps apart stay apart.
export function actorNames(texts) {
  const longest = [...new Set(texts.flat())].sort((a, b) => b.length - a.length);
  const known = new Map();
  for (const name of longest) {
    const low = name.toLowerCase();
    const fuller = [...new Set(known.values())].filter((other) => (other.toLowerCase() === low || other.toLowerCase().endsWith(` ${low}`))
      && !texts.some((names) => names.includes(name) && names.some((own) => own !== name && known.get(own) === other)));
    known.set(name, fuller.length === 1 ? fuller[0] : name);
  }
  return known;
}

// One point for each actor and text in which it takes a stance, in order of the dates; actors with most points first.
export function series(documents) {
  const dated = documents.filter((one) => one.reading && one.date).sort((a, b) => a.date.localeCompare(b.date));
  const names = actorNames(dated.map((one) => one.reading.actors.map((actor) => actor.name)));
  const lines = new Map();
  for (const { reading, date, title } of dated) {
    for (const actor of reading.actors.filter((one) => one.leaning)) {
      const name = names.get(actor.name);
      if (!lines.has(name)) lines.set(name, []);
      lines.get(name).push({ date, title, counts: actor.counts, n: actor.n_statements, ...actor.leaning });
    }
  }
  return [...lines].sort((a, b) => b[1].length - a[1].length || a[0].localeCompare(b[0])).map(([name, points]) => ({ name, points }));
}

function span(lines) {
  const days = lines.flatMap((line) => line.points.map((point) => Date.parse(point.date)));
  const first = Math.min(...days), last = Math.max(...days);
  return first === last ? [first - DAY, last + DAY] : [first, last];
}

function panel({ name, points }, [first, last]) {
  const x = (date) => LEFT + ((Date.parse(date) - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((1 - value) / 2) * (HEIGHT - TOP - BOTTOM);
  const words = points.map((point) => `${point.date}: ${signed(point.value)}, from ${signed(point.low)} to ${signed(point.high)}`).join("; ");
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Leaning of ${name}. ${words}` });
  for (const value of [-1, 0, 1]) {
    chart.append(svg("line", { class: value ? "axis" : "axis strong", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "soft", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value > 0 ? "+1" : value < 0 ? "−1" : "0"));
  }
  const shown = (date) => new Date(Date.parse(date)).toISOString().slice(0, 10);
  chart.append(svg("text", { class: "soft", x: LEFT, y: HEIGHT - 12 }, shown(new Date(first).toISOString())),
    svg("text", { class: "soft", x: WIDTH - RIGHT, y: HEIGHT - 12, "text-anchor": "end" }, shown(new Date(last).toISOString())));
  if (points.length > 1) {
    const upper = points.map((point) => `${x(point.date)},${y(point.high)}`);
    const lower = points.map((point) => `${x(point.date)},${y(point.low)}`).reverse();
    chart.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }),
      svg("polyline", { class: "path", points: points.map((point) => `${x(point.date)},${y(point.value)}`).join(" ") }));
  }
  for (const point of points) {
    chart.append(svg("line", { class: "whisker", x1: x(point.date), x2: x(point.date), y1: y(point.low), y2: y(point.high) }),
      svg("circle", { class: "point", cx: x(point.date), cy: y(point.value), r: 5 }, svg("title", {}, `${point.date}: ${signed(point.value)}`)));
  }
  return el("figure", {}, el("figcaption", { title: name }, shortened(name, 42)), chart);
}

export function timeline(lines) {
  const ends = span(lines);
  return el("div", { class: "panels", id: "timeline" }, lines.map((line) => panel(line, ends)));
}

export function timelineTable(lines) {
  const rows = lines.flatMap(({ name, points }) => points.map((point, index) => el("tr", {},
    index === 0 ? el("th", { scope: "rowgroup", rowspan: points.length }, name) : null,
    el("td", {}, point.date), el("td", { class: "number" }, signed(point.value)),
    el("td", { class: "number" }, `${signed(point.low)} to ${signed(point.high)}`),
    el("td", {}, plural(point.n, "statement")))));
  return el("table", { class: "data" }, el("caption", {}, "The same in numbers. The interval is a 95 % one."),
    el("thead", {}, el("tr", {}, ["Actor", "Date", "Leaning", "Interval", "Of"].map((name, column) => el("th", { scope: "col", class: column === 2 || column === 3 ? "number" : null }, name)))),
    el("tbody", {}, rows));
}

export function timelineRows(lines) {
  const head = ["actor", "date", "title", "leaning", "low", "high", "n_statements", "conciliatory", "hostile", "conditional", "none"];
  return [head, ...lines.flatMap(({ name, points }) => points.map((point) => [name, point.date, point.title, point.value, point.low, point.high, point.n,
    point.counts.conciliatory, point.counts.hostile, point.counts.conditional, point.counts.none]))];
}
