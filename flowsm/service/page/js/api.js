// Questions to the service, relative to where this file was served from: it may be mounted anywhere.

import { keep, kept } from "./kept.js";
import { parse, stringify } from "./numbers.js";

export const UNAUTHORIZED = 401;
export const NOT_FOUND = 404;
export const MOVED_ON = 412;

const ROOT = new URL("../../", import.meta.url);

const SENDABLE = /^[\x20-\x7e\xa0-\xff]*$/; // in a header

let token = kept("token", "", "sessionStorage");
if (!SENDABLE.test(token)) token = "";

export const urlOf = (path) => new URL(path.replace(/^\//, ""), ROOT).href;
export const hasToken = () => token !== "";
export const part = encodeURIComponent;

// Show this token from now on; false where no service can have it.
export function useToken(text) {
  if (!SENDABLE.test(text.trim())) return false;
  token = text.trim();
  keep("token", token, "sessionStorage");
  return true;
}

export const askForToken = () => window.dispatchEvent(new Event("flowsm-unauthorized"));

// What the service answers when it does not do what it was asked for (RFC 9457).
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the service answered ${status}`);
    this.status = status;
    this.code = body.code || "";
    this.findings = body.findings || [];
    this.state = body.state || {};
  }
}

export function headersWith(more = {}) {
  return token ? { Authorization: `Bearer ${token}`, ...more } : { ...more };
}

export async function problemIn(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // whatever stands between us and the service said something else
  }
  if (answer.status === UNAUTHORIZED) askForToken();
  return new Problem(answer.status, body);
}

// Ask, and give the answer's JSON. `body` is an object, or JSON text as it is.
export async function ask(path, { method = "GET", body, headers = {}, signal, cache } = {}) {
  const given = headersWith(headers);
  if (body !== undefined) given["Content-Type"] = "application/json";
  const text = body === undefined || typeof body === "string" ? body : stringify(body);
  let answer;
  try {
    answer = await fetch(urlOf(path), { method, headers: given, body: text, signal, cache });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "the service does not answer", code: "offline" });
  }
  if (!answer.ok) throw await problemIn(answer);
  return answer.status === 204 ? null : parse(await answer.text());
}

// What the service says of itself, and of whoever asks.
export const told = () => ask("", { headers: { Accept: "application/json" }, cache: "no-store" });

export const post = (path, body, headers) => ask(path, { method: "POST", body, headers });

// A key with which a second request of the same content changes nothing.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
