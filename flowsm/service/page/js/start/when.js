// When a new execution begins: now, at a moment of the user's own clock, or when somebody says so.

import { html } from "../lib.js";

const KINDS = [["now", "now"], ["later", "at a later time"], ["paused", "paused: when it is resumed"]];

export function When({ when, setWhen }) {
  return html`<label>It begins <select value=${when.kind} onChange=${(event) => setWhen({ ...when, kind: event.target.value })}>
      ${KINDS.map(([kind, text]) => html`<option key=${kind} value=${kind}>${text}</option>`)}
    </select></label>
    ${when.kind === "later" && html`<label>At <input type="datetime-local" step="1" required value=${when.at}
      onInput=${(event) => setWhen({ ...when, at: event.target.value })} /></label>`}`;
}

// What is sent of it, beside the flow.
export function optionsOf({ kind, at }) {
  if (kind === "later") return { start_at: new Date(at).toISOString() };
  return kind === "paused" ? { paused: true } : {};
}
