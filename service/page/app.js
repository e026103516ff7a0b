// The page: its two views, what is typed, dropped and chosen, progress, and trouble.

import { Trouble, analyze, hasKey, info, setKey } from "./api.js";
import { SeriesView } from "./series.js";
import { byId, plural } from "./dom.js";
import { ARTICLE } from "./examples.js";
import { Reading } from "./reading.js";
import { Result } from "./result.js";

const ui = Object.fromEntries(["text", "file", "title", "date", "count", "work", "progress", "progress-label", "status", "result", "trouble", "trouble-text", "again", "key-form", "key", "model", "drop", "entry"].map((id) => [id, byId(id)]));
let running = null; // the AbortController of what is being read
let limit = 0;
let waiting = 0; // the timer until the service may be asked again

async function read(source) {
  running?.abort();
  const mine = (running = new AbortController());
  clearTrouble();
  const reading = new Reading({ text: source instanceof File ? "" : source, title: ui.title.value.trim(), date: ui.date.value });
  const result = new Result(reading, { status: ui.status, onTrouble: needKey });
  ui.result.replaceChildren(result.root);
  ui.result.hidden = true;
  busy(true, "Reading");
  try {
    await analyze(source, { signal: mine.signal, onLine: (line) => take(line, reading, result) });
    result.finish();
    ui.text.rows = 4; // what was found is what one looks at now
    ui.status.textContent = `Done: ${plural(reading.statements.length, "statement")}.`;
    byId("result-head").focus({ preventScroll: true });
    byId("result-head").scrollIntoView({ block: "start" });
    showModel(reading.model);
  } catch (error) {
    if (mine !== running) return;
    if (error.name !== "AbortError") trouble(error, () => read(source));
    ui.result.hidden = true;
  } finally {
    if (mine === running) busy(false);
  }
}

function take(line, reading, result) {
  reading.take(line);
  if (line.type === "start") {
    result.begin();
    ui.result.hidden = false;
    ui.progress.max = Math.max(line.segments.length, 1);
    ui.progress.value = 0;
  } else if (line.type === "progress") {
    line.stances.forEach((one) => result.text.tint(one));
    ui.progress.value = line.n_done;
    ui["progress-label"].textContent = `${line.n_done.toLocaleString("en")} of ${plural(line.n_statements, "statement")}`;
  } else if (line.type === "statement") {
    result.text.finish(line.statement);
  }
}

function busy(is, label = "") {
  ui.work.hidden = !is;
  ui["progress-label"].textContent = label;
  if (is) {
    ui.progress.removeAttribute("value");
    ui.status.textContent = label;
  }
}

function showModel(model) {
  if (model) ui.model.textContent = `Model: ${model}.`;
}

function clearTrouble() {
  ui.trouble.hidden = true;
  window.clearInterval(waiting);
}

function needKey(error) {
  if (error.code !== "unauthorized") return false;
  ui["key-form"].hidden = false;
  return true;
}

// Say what went wrong, and offer another try where one may help, after the seconds that the service asks for.
function trouble(error, again) {
  clearTrouble();
  if (needKey(error)) {
    ui["key-form"].querySelector("label").textContent = hasKey() ? "This key is not accepted. Another one?" : "This service asks for a key";
    ui["key-form"].again = again;
    ui.key.focus();
    return;
  }
  const isOurs = error instanceof Trouble;
  ui["trouble-text"].textContent = (isOurs ? error.message : "Something went wrong on this page.") + (isOurs && error.requestId ? `\nRequest ${error.requestId}` : "");
  ui.trouble.hidden = false;
  ui.status.textContent = "";
  ui.again.hidden = !(isOurs && error.canRetry);
  ui.again.onclick = again;
  countDown(error.retryAfter ?? 0);
}

function countDown(seconds) {
  const show = (left) => {
    ui.again.disabled = left > 0;
    ui.again.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
  };
  let left = seconds;
  show(left);
  waiting = window.setInterval(() => { left -= 1; show(left); if (left <= 0) window.clearInterval(waiting); }, 1000);
}

function count() {
  const n = [...ui.text.value].length;
  const over = limit && n > limit;
  ui.count.textContent = n ? `${n.toLocaleString("en")} characters${over ? `; at most ${limit.toLocaleString("en")} are read` : ""}` : "";
}

function load({ text, title, date }) {
  Object.assign(ui.text, { value: text });
  ui.title.value = title;
  ui.date.value = date;
  count();
}

function choose(file) {
  ui.title.value = "";
  ui.date.value = "";
  if (file.size === 0) trouble(new Trouble("This file is empty."));
  else read(file);
}

const series = new SeriesView({ trouble, clearTrouble });
const tabs = [byId("tab-one"), byId("tab-time")];

function openTab(tab) {
  for (const one of tabs) {
    const is = one === tab;
    one.setAttribute("aria-selected", String(is));
    one.tabIndex = is ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = !is;
  }
  clearTrouble();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs.find((one) => one !== tab);
    openTab(other);
    other.focus();
  });
}

ui.entry.addEventListener("submit", (event) => {
  event.preventDefault();
  if (ui.text.value.trim()) read(ui.text.value);
  else trouble(new Trouble("There is nothing to read yet: paste a text, or choose a file."));
});
ui.text.addEventListener("input", count);
ui.text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ui.entry.requestSubmit(); });
ui.file.addEventListener("change", () => { if (ui.file.files[0]) choose(ui.file.files[0]); ui.file.value = ""; });
byId("example").addEventListener("click", () => load(ARTICLE));
byId("cancel").addEventListener("click", () => { running?.abort(); busy(false); });
ui["key-form"].addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(ui.key.value);
  ui.key.value = "";
  ui["key-form"].hidden = true;
  ui["key-form"].again?.();
});

let depth = 0; // of elements that a dragged file has entered
const carries = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/plain");
window.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; ui.drop.hidden = false; } });
window.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); ui.drop.hidden = depth === 0; });
window.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
window.addEventListener("drop", (event) => {
  depth = 0;
  ui.drop.hidden = true;
  if (!carries(event)) return;
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (!byId("view-time").hidden) series.add(files, event.dataTransfer.getData("text/plain"));
  else if (files.length) choose(files[0]);
  else { load({ text: event.dataTransfer.getData("text/plain"), title: "", date: "" }); read(ui.text.value); }
});

info().then((answer) => { limit = answer.limits.max_article_chars; showModel(answer.model); count(); }).catch((error) => needKey(error));
