// Asking the service. The key stays in this variable: it is written nowhere, and gone with the tab.

let key = "";

export const setKey = (value) => { key = value.trim(); };
export const hasKey = () => key !== "";

const TYPES = {
  txt: "text/plain", htm: "text/html", html: "text/html", pdf: "application/pdf",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
};

export class Trouble extends Error {
  constructor(message, { code = "", retryAfter = null, requestId = "", canRetry = false } = {}) {
    super(message);
    Object.assign(this, { code, retryAfter, requestId, canRetry });
  }
}

// The media type by the end of a file's name; the name itself is not sent.
export function typeOf(file) {
  const type = TYPES[file.name.toLowerCase().split(".").pop()];
  if (!type) throw new Trouble("This kind of file cannot be read here. Choose a .txt, .html, .docx or .pdf file.", { code: "unsupported_media_type" });
  return type;
}

async function ask(path, options) {
  const headers = { ...options.headers };
  if (key) headers.authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...options, headers, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The service cannot be reached. Is it running?", { canRetry: true });
  }
  if (!response.ok) throw await troubleOf(response);
  return response;
}

async function troubleOf(response) {
  let error = {};
  try { error = (await response.json()).error ?? {}; } catch { /* an answer from something in between */ }
  const wait = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return new Trouble(sentence(error.message) || `The service answered with status ${response.status}.`, {
    code: error.code ?? "", requestId: error.request_id ?? "",
    retryAfter: Number.isFinite(wait) ? wait : null,
    canRetry: [429, 503, 504, 408].includes(response.status),
  });
}

function sentence(message) {
  return message ? message[0].toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".") : "";
}

export async function info() {
  return (await ask("info", {})).json();
}

export async function explain(text) {
  const body = JSON.stringify({ text, explain: true });
  return (await ask("classify", { method: "POST", headers: { "content-type": "application/json" }, body })).json();
}

// Analyze a text, or a file; calls onLine with each line as it comes. Throws Trouble, also for a stream that breaks off.
export async function analyze(source, { signal, onLine }) {
  const isFile = source instanceof File;
  const type = isFile ? typeOf(source) : "text/plain;charset=utf-8";
  const response = await ask(isFile ? "analyze/file" : "analyze", {
    method: "POST", body: source, signal, headers: { "content-type": type, accept: "application/x-ndjson" },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const parsed = JSON.parse(line);
      if (parsed.type === "error") {
        const { code, message, request_id: requestId, retry_after_seconds: retryAfter } = parsed.error;
        throw new Trouble(sentence(message), { code, requestId, retryAfter, canRetry: code !== "internal" });
      }
      onLine(parsed);
      if (parsed.type === "end") return;
    }
    if (done) throw new Trouble("The answer broke off before its end.", { canRetry: true });
  }
}
