// One analysis, collected from the lines of the service, and the characters that its places count.

// Places count Unicode code points, strings of the browser UTF-16 units: they differ from the first emoji on.
export class Characters {
  constructor(text) {
    this.text = text;
    this.starts = null;
    if (/[\ud800-\udbff]/.test(text)) {
      this.starts = [];
      for (let unit = 0; unit < text.length; unit += text.codePointAt(unit) > 0xffff ? 2 : 1) this.starts.push(unit);
      this.starts.push(text.length);
    }
  }

  slice(start, end) {
    return this.starts ? this.text.slice(this.starts[start], this.starts[end]) : this.text.slice(start, end);
  }
}

export class Reading {
  constructor({ text, title = "", date = "" }) {
    Object.assign(this, { title, date, segments: [], statements: [], actors: [], addressed: [], failed: [], n_unknown: 0 });
    this.text = text;
  }

  take(line) {
    if (line.type === "start") {
      this.text = line.text ?? this.text;
      this.characters = new Characters(this.text);
      Object.assign(this, { segments: line.segments, model: line.model, codebook: line.codebook, language: line.language });
    } else if (line.type === "statement") {
      this.statements.push(line.statement);
    } else if (line.type === "actors") {
      const { actors, addressed, failed, n_unknown } = line;
      Object.assign(this, { actors, addressed, failed, n_unknown });
    }
  }

  withStance() {
    return this.statements.filter((one) => one.stance !== "none");
  }

  // What is exported as JSON: the answer of the service, with the text that its places count in.
  asDocument() {
    const { title, date, text, model, codebook, language, statements, actors, addressed, failed, n_unknown } = this;
    return { title: title || null, date: date || null, text, model, codebook, language, statements, actors, addressed, n_unknown, failed };
  }
}
