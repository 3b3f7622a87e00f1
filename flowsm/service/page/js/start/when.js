// When a new execution begins: now, at a moment of the user's own clock, or when somebody says so.

import { html } from "../lib.js";

const LATEST = "9999-12-30T23:59:59"; // in every time zone, a year of four digits
const KINDS = [["now", "now"], ["later", "at a later time"], ["paused", "paused: when it is resumed"]];

export function When({ when, setWhen }) {
  return html`<label>It begins <select value=${when.kind} onChange=${(event) => setWhen({ ...when, kind: event.target.value })}>
      ${KINDS.map(([kind, text]) => html`<option key=${kind} value=${kind}>${text}</option>`)}
    </select></label>
    ${when.kind === "later" && html`<label>At <input type="datetime-local" step="1" max=${LATEST} required value=${when.at}
      onInput=${(event) => setWhen({ ...when, at: event.target.value })} /></label>`}`;
}

// What is the matter with that moment, or "".
export function wrongWith({ kind, at }) {
  if (kind !== "later") return "";
  const moment = new Date(at);
  if (!(at <= LATEST && moment.getTime())) return "This is no moment: write a year of four digits.";
  if (moment <= Date.now()) return "This moment has passed: choose a later one, or let it begin now.";
  if (moment.getMinutes() !== Number(at.slice(14, 16)) || moment.getHours() !== Number(at.slice(11, 13))) {
    return "The clocks skip this time on that day: choose another.";
  }
  return "";
}

// What is sent of it, beside the flow.
export function optionsOf({ kind, at }) {
  if (kind === "later") return { start_at: new Date(at).toISOString() };
  return kind === "paused" ? { paused: true } : {};
}
