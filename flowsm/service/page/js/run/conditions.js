// Why the execution went on as it did: each transition with the conditions that were asked.

import { html, useState } from "../lib.js";
import { Mark } from "../marks.js";
import { count, near } from "../text.js";
import { stringify } from "../numbers.js";

const FIRST = 50;

export function Conditions({ decisions, task, onSeek }) {
  const [most, setMost] = useState(FIRST);
  const found = (task ? decisions.filter((one) => one.source === task) : decisions).toReversed();
  if (!found.length) return html`<p class="empty">It has not gone on from here yet.</p>`;
  return html`<ol class="decisions" reversed>
    ${found.slice(0, most).map((one) => html`<li key=${one.seq} class="decision">
      <header><b>${one.source}</b><span aria-label="to">→</span><b>${one.target}</b>
        <button type="button" class="link" onClick=${() => onSeek(one.seq)}>event ${one.seq}</button>
          <time class="muted" datetime=${one.at}>${near(one.at)}</time></header>
      <p>${one.reason}</p>
      ${(one.asked ?? []).map((asked) => html`<div class="asked" key=${asked.condition}>
        <${Mark} status=${asked.met ? "completed" : "failed"} size="13" /><span>
          <b>${asked.condition}</b> wants <code>${asked.wanted}</code>, leads to ${asked.target}: ${asked.met ? "met" : "not met"}
        ${(asked.clauses ?? []).map((clause) => html`<div class="clause" key=${clause.path + clause.op}>
          <${Mark} status=${clause.held ? "completed" : "failed"} size="11" />
          <code>${clause.path} ${clause.op} ${stringify(clause.wanted)}</code> <span
          class="muted">${clause.found === false ? "found nothing" : html`saw <code>${stringify(clause.seen)}</code>`}</span>
          </div>`)}</span>
      </div>`)}
    </li>`)}
  </ol>
  ${found.length > most && html`<button type="button" class="link"
    onClick=${() => setMost(most * 4)}>${count(found.length - most)} earlier ones</button>`}`;
}
