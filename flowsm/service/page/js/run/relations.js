// Executions that this one came from, or waits for.

import { html } from "../lib.js";
import { linkTo } from "../route.js";
import { openWait } from "./verbs.js";

export function Relations({ events, id }) {
  const found = [];
  const parent = events[0]?.data.parent?.execution_id;
  const fork = events.findLast((event) => event.type === "execution.forked");
  const child = openWait(events)?.child;
  if (parent) found.push(["a part of", parent, ""]);
  if (fork && fork.data.origin !== id) found.push(["forked from", fork.data.origin, `?seq=${fork.data.origin_seq}`]);
  if (child) found.push(["waits for", child, ""]);
  if (!found.length) return null;
  return html`<div class="relations muted">${found.map(([how, other, query]) => html`<span key=${how}>${how} <a href=${linkTo(other) + query}><code>${other}</code></a></span>`)}</div>`;
}
