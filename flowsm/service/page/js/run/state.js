// The state after an event, and what that event changed in it.

import { html } from "../lib.js";
import { Json } from "../json.js";
import { short, unturned } from "../text.js";
import { stringify } from "../numbers.js";

const VALUE_CHARS = 300;

export function State({ state, diff, seq }) {
  return html`<h3>What event ${seq} changed</h3>
    ${diff ? html`<${Diff} changes=${diff} />` : html`<p class="empty">Loading …</p>`}
    <h3>The state after it</h3>
    ${state ? html`<${Json} key=${seq} value=${state} label="state" />` : html`<p class="empty">Loading …</p>`}`;
}

function Diff({ changes }) {
  const shown = changes.filter((one) => one.path !== "/seq" && one.path !== "/updated_at");
  if (!shown.length) return html`<p class="empty">Only the time.</p>`;
  return html`<ul class="diff">${shown.map((one) => html`<li key=${one.path} class=${`is-${one.op}`}>
    <code class="diff-path">${one.path}</code>
    ${one.op !== "add" && html`<del><span class="hidden">before: </span>${text(one.before)}</del>`}
    ${one.op !== "remove" && html`<ins><span class="hidden">after: </span>${text(one.after)}</ins>`}
  </li>`)}</ul>`;
}

const text = (value) => short(unturned(stringify(value) ?? "null"), VALUE_CHARS);
