// What failed: every attempt's error, none hidden by the one that came later.

import { CopyButton } from "../copy.js";
import { html, useMemo, useState } from "../lib.js";
import { Status } from "../marks.js";
import { count, near, short } from "../text.js";

const FIRST = 30;
const TEXT_CHARS = 1500;

export function Errors({ events, seq, task, known, onSeek }) {
  const [most, setMost] = useState(FIRST);
  const found = useMemo(() => errorsIn(events.slice(0, seq), task), [events.length, seq, task]);
  if (!found.length) return html`<p class="empty">Nothing has failed${known.state ? "" : " as far as is known"}.</p>`;
  return html`<div class="errors">
    ${found.slice(0, most).map((event) => html`<${One} key=${event.seq} event=${event} onSeek=${onSeek} />`)}
    ${found.length > most && html`<button type="button" class="link"
      onClick=${() => setMost(most * 4)}>${count(found.length - most)} earlier ones</button>`}</div>`;
}

// The newest first. That an execution failed by an attempt's error is not said twice.
function errorsIn(events, task) {
  const all = events.filter(({ type, data }) => (!task || data.task === task) && (data.error || type === "task.interrupted")).reverse();
  const isSaid = (event, before) => event.type === "execution.failed" && before &&
    event.data.error.message.endsWith(before.data.error?.message);
  return all.filter((event, index) => !isSaid(event, all[index + 1]));
}

function One({ event, onSeek }) {
  const [isWhole, setWhole] = useState(false);
  const { data, type } = event;
  const error = data.error ?? { type: "interrupted", message: data.reason ?? "" };
  const status = { "task.interrupted": "interrupted", "task.timed_out": "timed_out" }[type] ?? "failed";
  const shown = isWhole ? error.message : short(error.message, TEXT_CHARS);
  return html`<article class="error-card">
    <header><${Status} status=${status} />${data.task && html`<b>${data.task}</b>
      <span class="muted">visit ${data.visit}, attempt ${data.attempt}</span>`}
      <button type="button" class="link" onClick=${() => onSeek(event.seq)}>event ${event.seq}</button>
        <time class="muted" datetime=${event.at}>${near(event.at)}</time></header>
    <p><code>${error.type}</code> ${shown}${shown !== error.message && html` <button type="button" class="link"
      onClick=${() => setWhole(true)}>all ${count(error.message.length)} characters</button>`}</p>
    ${error.traceback && html`<details><summary>Traceback</summary><div class="trace-tools"><${CopyButton} text=${error.traceback}
      label="Copy the traceback" /></div><pre tabindex="0">${error.traceback}</pre></details>`}
  </article>`;
}
