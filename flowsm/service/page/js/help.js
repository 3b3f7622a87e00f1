// The keys.

import { Dialog } from "./dialog.js";
import { html } from "./lib.js";

const KEYS = [
  ["In the list", [
    ["J  K", "next, previous execution"], ["Enter", "open it"], ["/", "search"], ["N", "start a flow"], ["[  ]", "newer, older page"],
  ]],
  ["In an execution", [
    ["←  →", "one event back, on"], ["K  J", "likewise"], ["Home  End", "first, last event"], ["L", "live again"],
    ["+  −  0", "larger, smaller, the whole machine"], ["1 … 7", "tabs"], ["U", "up, to the list"],
  ]],
  ["Everywhere", [["?", "these keys"], ["Esc", "close"]]],
];

export function Help({ onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <div class="keys">${KEYS.map(([title, keys]) => html`<section key=${title}><h3>${title}</h3>
      <dl>${keys.map(([key, what]) => html`<div key=${key}><dt>${key.split(/\s+/).map((one) => html`<kbd
        key=${one}>${one}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
    </section>`)}</div>
  </${Dialog}>`;
}
