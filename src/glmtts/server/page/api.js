// Requests to the server this page came from; errors become messages a person can read.

import { store } from "/page/store.js";

export const key = { get: () => store.get("key") ?? "", set: (value) => store.set("key", value) };

function authorised(headers = {}) {
  // a header takes bytes, as letters of Latin-1: those of the key in UTF-8
  const bytes = String.fromCharCode(...new TextEncoder().encode(key.get()));
  return bytes ? { ...headers, Authorization: `Bearer ${bytes}` } : headers;
}

function failure(status, body) {
  const error = new Error(body?.error?.message ?? `The server answered ${status}.`);
  return Object.assign(error, { status, param: body?.error?.param ?? null });
}

const brokenOff = () => new Error("The connection broke off before the end.");

// What is read of an answer that has begun; a browser's own words for a connection that ends are its own.
export const whole = (reading) => reading.catch((error) => {
  throw error.name === "AbortError" ? error : brokenOff();
});

const unreachable = () => new Error("The server does not answer. Is it running?");

export async function request(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: authorised(options.headers) }).catch((error) => {
    throw error.name === "AbortError" ? error : unreachable();
  });
  if (answer.ok) return answer;
  throw failure(answer.status, await answer.json().catch(() => null));
}

export async function json(path, options) {
  return whole((await request(path, options)).json());
}

export function post(path, body, signal) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

// Sends a form and tells how much of it has left; `fetch` cannot.
export function upload(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sent = new XMLHttpRequest();
    sent.open("POST", path);
    for (const [name, value] of Object.entries(authorised())) sent.setRequestHeader(name, value);
    sent.responseType = "json";
    sent.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    sent.addEventListener("load", () =>
      sent.status < 300 ? resolve(sent.response) : reject(failure(sent.status, sent.response)));
    sent.addEventListener("error", () => reject(unreachable()));
    sent.addEventListener("abort", () => reject(new DOMException("Given up.", "AbortError")));
    signal.addEventListener("abort", () => sent.abort());
    sent.send(form);
  });
}

// The events of an answer, one JSON object a line; one that is an error ends them, and so does an end without the last.
export async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", last = "";
  for (;;) {
    const { value, done } = await whole(reader.read());
    if (done && last === "speech.audio.done") return;
    if (done) throw brokenOff();
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) {
      if (!part) continue;
      const event = JSON.parse(part);
      if (event.type === "error") throw Object.assign(new Error(event.error.message), { param: event.error.param });
      last = event.type;
      yield event;
    }
  }
}
