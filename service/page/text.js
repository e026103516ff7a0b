// The text with its statements marked: one stop of the Tab key, then arrow keys from statement to statement.

import { NAMES, el, sign } from "./dom.js";

export class MarkedText {
  constructor(reading, { onSelect }) {
    this.reading = reading;
    this.onSelect = onSelect;
    this.spans = new Map(); // by the first character of the statement
    this.order = [];
    this.root = el("div", { class: "text", role: "group", "aria-label": "The text, statement by statement; arrow keys go from one to the next" });
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("mousedown", () => this.press());
    this.root.addEventListener("pointermove", (event) => this.point(event));
    this.root.addEventListener("pointerleave", () => { this.pointed = null; });
    this.build();
  }

  build() {
    const { characters, segments } = this.reading;
    let at = 0, paragraph = null, current = null;
    const end = characters.starts ? characters.starts.length - 1 : characters.text.length;
    for (const segment of segments) {
      const gap = characters.slice(at, segment.start);
      if (segment.paragraph !== paragraph || !current) {
        if (gap.trim()) this.root.append(el("p", { class: "gap" }, gap.trim()));
        current = el("p", { class: segment.kind });
        this.root.append(current);
        paragraph = segment.paragraph;
      } else {
        current.append(gap);
      }
      const span = el("span", { class: "s waiting" }, characters.slice(segment.start, segment.end));
      this.spans.set(segment.start, span);
      this.order.push(span);
      current.append(span);
      at = segment.end;
    }
    const rest = characters.slice(at, end);
    if (rest.trim()) this.root.append(el("p", { class: "gap" }, rest.trim()));
  }

  // A first tint, while the service still reads.
  tint({ start, stance, certain }) {
    this.spans.get(start)?.setAttribute("class", `s waiting stance-${stance}${certain ? "" : " unsure"}`);
  }

  // Give a statement all that is known of it.
  finish(statement) {
    const span = this.spans.get(statement.start);
    const { stance, certain } = statement;
    const speaker = statement.speakers.join(", ");
    span.className = `s stance-${stance}${certain ? "" : " unsure"}`;
    const spoken = `${NAMES[stance]}${speaker ? `, ${speaker}` : ""}: `;
    span.replaceChildren(stance === "none" ? "" : sign(stance), el("span", { class: "vh" }, spoken), ...this.words(statement));
    span.setAttribute("role", "button");
    span.setAttribute("aria-pressed", "false");
    span.tabIndex = -1;
    span.dataset.index = statement.index;
    if (stance !== "none") span.dataset.print = `${NAMES[stance]}${speaker ? `, ${speaker}` : ""}${certain ? "" : ", not certain"}`;
    span.addEventListener("click", () => this.select(statement, { pin: true }));
    span.addEventListener("focus", () => { if (!this.pressed) this.select(statement); });
  }

  // The statement's words, its conditions underlined.
  words(statement) {
    const { characters } = this.reading;
    const pieces = [];
    let at = statement.start;
    for (const condition of statement.conditions) {
      if (condition.start < at) continue;
      pieces.push(characters.slice(at, condition.start), el("u", {}, characters.slice(condition.start, condition.end)));
      at = condition.end;
    }
    pieces.push(characters.slice(at, statement.end));
    return pieces;
  }

  done() {
    this.ready = this.order.filter((span) => span.dataset.index !== undefined);
    if (this.ready.length) this.ready[0].tabIndex = 0;
  }

  select(statement, { pin = false } = {}) {
    if (!pin && this.pinned) return; // a pinned statement stays until another is chosen
    this.mark(statement, pin);
    this.onSelect(statement, { pin });
  }

  // What a pointer that moves has come to. Not mouseenter: browsers send that too when something comes to lie under a
  // pointer at rest, and where a finger was last, as when the panel that lay there closes.
  point({ target, pointerType }) {
    const span = target.closest(".s");
    if (pointerType === "touch" || span === this.pointed) return;
    this.pointed = span;
    const statement = this.reading.statements[span?.dataset.index];
    if (statement) this.select(statement);
  }

  // What is pressed gets the focus at once and is chosen by the click that follows. Shown before, on a narrow screen, the
  // panel would cover it, and the click go there.
  press() {
    this.pressed = true;
    setTimeout(() => { this.pressed = false; }); // the focus comes before any other task
  }

  mark(statement, pin) {
    for (const span of this.ready ?? []) if (span.getAttribute("aria-pressed") === "true") span.setAttribute("aria-pressed", "false");
    const span = this.spans.get(statement.start);
    span.setAttribute("aria-pressed", "true");
    for (const other of this.ready ?? []) other.tabIndex = -1;
    span.tabIndex = 0;
    this.pinned = pin;
  }

  unpin() {
    this.pinned = false;
    for (const span of this.ready ?? []) span.setAttribute("aria-pressed", "false");
  }

  // Go to a statement from elsewhere on the page.
  show(statement) {
    this.mark(statement, true);
    this.onSelect(statement, { pin: true });
    const span = this.spans.get(statement.start);
    span.scrollIntoView({ block: "center" });
    span.focus({ preventScroll: true });
  }

  key(event) {
    const visible = this.ready?.filter((span) => !this.root.classList.contains("filtered") || span.classList.contains("match")) ?? [];
    const at = visible.indexOf(event.target);
    const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: visible.length - 1 };
    if (event.key in steps) {
      event.preventDefault();
      this.pinned = false;
      visible[Math.max(0, Math.min(visible.length - 1, steps[event.key]))]?.focus();
    } else if ((event.key === "Enter" || event.key === " ") && event.target.dataset?.index !== undefined) {
      event.preventDefault();
      event.target.click();
    } else if (event.key === "Escape") {
      this.unpin();
      this.onSelect(null, {});
    }
  }

  // Show only the statements that fit; the others stay, without their marks.
  filter(fits, active) {
    this.root.classList.toggle("filtered", active);
    for (const statement of this.reading.statements) {
      this.spans.get(statement.start).classList.toggle("match", fits(statement));
    }
    const visible = this.ready.filter((span) => !active || span.classList.contains("match"));
    for (const span of this.ready) span.tabIndex = -1;
    if (visible.length) visible[0].tabIndex = 0;
  }
}
