// What a fork would share, and what it would do again: told before it is begun.

import { post } from "../api.js";
import { useLatest } from "../hooks.js";
import { html } from "../lib.js";
import { plural } from "../text.js";
import { pathOf } from "./verbs.js";

const TYPING_MS = 250;

export function Plan({ id, at }) {
  const { value, problem } = useLatest(at || null, (seq) => post(pathOf("fork", id), { at: seq, dry_run: true }), TYPING_MS);
  if (problem) return html`<p class="error-text" role="status">${problem.message}</p>`;
  if (!value) return null;
  const { task, attempt, visit, way, done } = value;
  const turn = (visit > 1 ? `, visit ${visit}` : "") + (attempt > 1 ? `, attempt ${attempt}` : "");
  const where = task === null ? "it goes on from there" : `it goes on ${way === "after" ? "after" : "at"} ${task}${turn}`;
  return html`<p class="muted"
    role="status">It shares ${plural(done.length, "result")}${done.length ? ` (${done.join(", ")})` : ""}; ${where}.
    ${way === "again" && html` <b>That attempt was under way: what it has done already may be done once more.</b>`}</p>`;
}
