// Files to keep: a table of statements, the whole answer, a table of the timeline. Made here; nothing is sent.

import { STANCES, el } from "./dom.js";

// A cell of a CSV file. What a spreadsheet would take for a formula gets an apostrophe before it.
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csv = (rows) => rows.map((row) => row.map(cell).join(",") + "\r\n").join("");

export function statementsCsv(reading) {
  const head = ["index", "start", "end", "paragraph", "kind", "speech", "speaker", "speakers", "addressee", "stance", "confidence", ...STANCES.map((one) => `p_${one}`), "certain", "prediction_set", "conditions", "text"];
  const rows = reading.statements.map((one) => [
    one.index, one.start, one.end, one.paragraph, one.kind, one.speech, one.speaker, one.speakers.join("; "), one.addressee, one.stance, one.confidence,
    ...STANCES.map((stance) => one.probabilities[stance]), one.certain, one.prediction_set.join(" "), one.conditions.map((condition) => condition.text).join(" | "), one.text,
  ]);
  return csv([head, ...rows]);
}

export function save(content, type, name) {
  const address = URL.createObjectURL(new Blob(type.startsWith("text/csv") ? ["\ufeff", content] : [content], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
