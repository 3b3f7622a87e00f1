// One execution in the list.

import { html } from "../lib.js";
import { Status } from "../marks.js";
import { linkTo } from "../route.js";
import { ago, count, duration, moment, nameOf, short, unturned } from "../text.js";

const MESSAGE_CHARS = 140;

export function Row({ row, isAt }) {
  const end = row.ended_at ? Date.parse(row.ended_at) : Date.now();
  const took = row.started_at ? duration(Math.max(0, end - Date.parse(row.started_at))) : "";
  return html`<tr data-id=${row.execution_id} aria-selected=${isAt ? "true" : undefined}>
    <td class="cell-status"><${Status} status=${row.status} /></td>
    <td class="cell-flow"><a href=${linkTo(row.execution_id)}>
      <b>${nameOf(row.flow_name, row.flow_id)}</b> <code>${row.execution_id}</code></a></td>
    <td class="cell-at">${at(row)}</td>
    <td class="number cell-attempts">${count(row.attempts)}${row.failures > 0 &&
      html` <span class="failures" title="failed attempts">${count(row.failures)} failed</span>`}</td>
    <td class="cell-created"><time datetime=${row.created_at} title=${moment(row.created_at)}>${ago(row.created_at)}</time></td>
    <td class="number cell-took">${took}</td>
  </tr>`;
}

function at(row) {
  if (row.status === "failed" && row.last_error) {
    return html`<span class="error-text" title=${unturned(short(row.last_error, 1000))}>${short(row.last_error, MESSAGE_CHARS)}</span>`;
  }
  if (row.status === "created" && row.due_at) {
    const words = Date.parse(row.due_at) > Date.now() ? "begins" : "was to begin";
    return html`<span class="muted">${words} <time datetime=${row.due_at} title=${moment(row.due_at)}>${ago(row.due_at)}</time></span>`;
  }
  const done = row.completed_tasks.length;
  if (row.current_task === null) return html`<span class="muted">${done ? `${count(done)} done` : ""}</span>`;
  return html`${row.current_task}${row.waiting_for && html` <span class="muted">for ${row.waiting_for}</span>`}`;
}
