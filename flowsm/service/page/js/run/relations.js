// Executions that this one came from, that came from it, or that it waits for.

import { ask, part } from "../api.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { linkTo } from "../route.js";
import { plural } from "../text.js";
import { openWait } from "./verbs.js";

const MOST_FORKS = 6;
const MOST_PARTS = 6;

export function Relations({ events, parts, id }) {
  const [forks, setForks] = useState([]);
  useEffect(() => {
    ask(`flow/${part(id)}/forks`).then((family) => setForks(family.filter((one) => one.forked_from === id)), () => {});
  }, [id]);
  const found = [];
  const parent = events[0]?.data.parent?.execution_id;
  const fork = useMemo(() => events.findLast((event) => event.type === "execution.forked"), [events.length]);
  const child = useMemo(() => openWait(events)?.child, [events.length]);
  if (parent) found.push(["a part of", parent, ""]);
  if (fork) found.push([`forked at ${fork.data.origin_seq} from`, fork.data.origin, `?seq=${fork.data.origin_seq}`]);
  for (const one of parts.slice(-MOST_PARTS)) found.push([one.child === child ? "waits for" : `at ${one.task} it ran`, one.child, ""]);
  for (const one of forks.slice(0, MOST_FORKS)) found.push([`its fork at ${one.forked_at} is`, one.execution_id, ""]);
  if (!found.length) return null;
  return html`<div class="relations muted">${found.map(([how, other, query]) => html`<span key=${how + other}>${how} <a
    href=${linkTo(other) + query}><code>${other}</code></a></span>`)}
    ${parts.length > MOST_PARTS && html`<span>and ${plural(parts.length - MOST_PARTS, "earlier part")}</span>`}
    ${forks.length > MOST_FORKS && html`<span>and ${forks.length - MOST_FORKS} more</span>`}</div>`;
}
