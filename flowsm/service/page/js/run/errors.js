// What failed: every attempt's error, none hidden by the one that came later.

import { CopyButton } from "../copy.js";
import { html } from "../lib.js";
import { Status } from "../marks.js";
import { clock } from "../text.js";

const MOST = 30;

export function Errors({ events, seq, task, known, onSeek }) {
  const found = [];
  for (let at = Math.min(seq, events.length) - 1; at >= 0 && found.length < MOST; at -= 1) {
    const { type, data } = events[at];
    const isOf = !task || data.task === task;
    if (isOf && (data.error || type === "task.interrupted")) found.push(events[at]);
  }
  if (!found.length) return html`<p class="empty">Nothing has failed${known.state ? "" : " as far as is known"}.</p>`;
  return html`<div class="errors">${found.map((event) => html`<${One} key=${event.seq} event=${event} onSeek=${onSeek} />`)}</div>`;
}

function One({ event, onSeek }) {
  const { data, type } = event;
  const error = data.error ?? { type: "interrupted", message: data.reason ?? "" };
  const status = { "task.interrupted": "interrupted", "task.timed_out": "timed_out" }[type] ?? "failed";
  return html`<article class="error-card">
    <header><${Status} status=${status} />${data.task && html`<b>${data.task}</b>
      <span class="muted">visit ${data.visit}, attempt ${data.attempt}</span>`}
      <button type="button" class="link" onClick=${() => onSeek(event.seq)}>event ${event.seq}</button>
        <time class="muted" datetime=${event.at}>${clock(event.at)}</time></header>
    <p><code>${error.type}</code> ${error.message}</p>
    ${error.traceback && html`<details><summary>Traceback</summary><div class="trace-tools"><${CopyButton} text=${error.traceback}
      label="Copy the traceback" /></div><pre tabindex="0">${error.traceback}</pre></details>`}
  </article>`;
}
