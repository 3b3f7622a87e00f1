// A JSON value as a tree that opens: what is large is drawn when somebody asks for it.

import { CopyButton } from "./copy.js";
import { html, useState } from "./lib.js";
import { count, plural } from "./text.js";
import { Written, stringify } from "./numbers.js";

const FIRST_ITEMS = 100;
const LONG_TEXT = 400;
const OPEN_DEPTH = 2;

export function Json({ value, label }) {
  if (value === undefined) return html`<p class="empty">Nothing yet.</p>`;
  return html`<div class="json" role="group" aria-label=${label}>
    <div class="json-tools"><${CopyButton} text=${stringify(value, 2)} label=${`Copy ${label}`} /></div>
    <${Value} value=${value} depth=${0} />
  </div>`;
}

function Value({ value, depth }) {
  if (value instanceof Written) return html`<span class="json-number">${value.source}</span>`;
  if (Array.isArray(value)) return html`<${Tree} entries=${value.map((item, index) => [index, item])} open="[" close="]" word="item"
    depth=${depth} />`;
  if (value !== null && typeof value === "object") {
    return html`<${Tree} entries=${Object.entries(value)} open="{" close="}" word="key" depth=${depth} />`;
  }
  if (typeof value === "string") return html`<${Text} text=${value} />`;
  return html`<span class=${`json-${value === null ? "null" : typeof value}`}>${String(value)}</span>`;
}

const PLAIN = /^[^\s":,{}[\]]+$/;

// A key as it is, in quotes where it could not be told from what stands around it.
const keyOf = (name) => (PLAIN.test(name) ? name : JSON.stringify(name));

function Text({ text }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole || text.length <= LONG_TEXT ? text : text.slice(0, LONG_TEXT);
  return html`<span class="json-string">${JSON.stringify(shown)}</span>${shown.length < text.length &&
    html` <button type="button" class="link" onClick=${() => setWhole(true)}>all ${count(text.length)} characters</button>`}`;
}

function Tree({ entries, open, close, word, depth }) {
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= FIRST_ITEMS);
  const [most, setMost] = useState(FIRST_ITEMS);
  if (!entries.length) return html`<span class="json-mark">${open}${close}</span>`;
  const toggle = html`<button type="button" class="json-toggle" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
    <span class="json-arrow" aria-hidden="true"></span>${open}${isOpen ? "" : html`<span
      class="json-count">${plural(entries.length, word)}</span>${close}`}
  </button>`;
  if (!isOpen) return toggle;
  return html`${toggle}<ul>
    ${entries.slice(0, most).map(([name, item]) => html`<li key=${name}>
      ${word === "key" ? html`<span class="json-key">${keyOf(name)}</span>: ` : ""}<${Value} value=${item} depth=${depth + 1} />
    </li>`)}
    ${entries.length > most && html`<li><button type="button" class="link" onClick=${() => setMost(most * 10)}>
      ${count(entries.length - most)} more</button></li>`}
  </ul><span class="json-mark">${close}</span>`;
}
