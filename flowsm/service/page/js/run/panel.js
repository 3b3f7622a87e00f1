// The tabs: what was recorded, what went in and out, what failed, why it went on as it did, and the flow itself.

import { ask, part } from "../api.js";
import { cacheOf, useLatest } from "../hooks.js";
import { html } from "../lib.js";
import { Icon } from "../marks.js";
import { Json } from "../json.js";
import { Conditions } from "./conditions.js";
import { Errors } from "./errors.js";
import { Events } from "./events.js";
import { State } from "./state.js";

export const TABS = [
  ["events", "Events"], ["input", "Input"], ["output", "Output"], ["error", "Error"],
  ["condition", "Condition"], ["state", "State"], ["definition", "Definition"],
];
const OF_TASKS = ["input", "output", "error", "condition", "definition"];

export function Panel(props) {
  const { tab, onTab, task, onPick } = props;
  const pressed = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TABS.findIndex(([name]) => name === tab);
    const [next] = TABS[(at + step + TABS.length) % TABS.length];
    onTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<section class="card panel" aria-label="Details">
    <div class="tabs" role="tablist" aria-label="Details" onKeyDown=${pressed}>
      ${TABS.map(([name, text]) => html`<button type="button" role="tab" key=${name} id=${`tab-${name}`}
        aria-selected=${tab === name ? "true" : "false"}
        aria-controls="tab-panel" tabindex=${tab === name ? 0 : -1} onClick=${() => onTab(name)}>${text}</button>`)}
    </div>
    ${OF_TASKS.includes(tab) && html`<p class="scope">${task === null || task === ""
      ? html`<span class="muted">of the whole execution; pick a task in the picture for its own</span>`
      : html`of task <b>${task}</b> <button type="button" class="quiet" onClick=${() => onPick(null)}
        aria-label="Show the whole execution"><${Icon} name="close" size="12" /></button>`}</p>`}
    <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab}`} tabindex="0"><${Shown} ...${props} /></div>
  </section>`;
}

function Shown(props) {
  const { tab, task, execution, events, seq, known } = props;
  if (tab === "events") return html`<${Events} ...${props} />`;
  if (tab === "input") {
    if (!task) return html`<${Json} value=${known.state ? known.state.input ?? null : execution.input} label="input" />`;
    const start = lastOf(events, seq, (event) => event.type === "task.started" && event.data.task === task);
    return html`<${Json} key=${start?.seq} value=${start && (start.data.parameters ?? {})} label="parameters" />`;
  }
  if (tab === "output") return html`<${Output} ...${props} />`;
  if (tab === "error") return html`<${Errors} ...${props} />`;
  if (tab === "condition") return html`<${Conditions} decisions=${known.explain?.decisions ?? []} task=${task} onSeek=${props.onSeek} />`;
  if (tab === "state") return html`<${State} state=${known.state} diff=${known.diff} seq=${seq} />`;
  return html`<${Definition} digest=${known.graph?.flow_digest ?? null} task=${task} />`;
}

function lastOf(events, seq, fits) {
  for (let at = Math.min(seq, events.length) - 1; at >= 0; at -= 1) if (fits(events[at])) return events[at];
  return undefined;
}

function Output({ task, known, seq }) {
  const results = known.state?.results ?? {};
  if (task) {
    const result = results[task];
    if (!result) return html`<p class="empty">It has no result ${seq ? "yet" : ""}.</p>`;
    return html`${result.message && html`<p class="message">${result.message}</p>`}
      ${(result.warnings ?? []).map((one) => html`<p class="message is-warning" key=${one}>${one}</p>`)}
      <${Json} key=${`${task} ${result.at}`} value=${result.data ?? null} label="output" />`;
  }
  const names = Object.keys(results);
  if (!names.length) return html`<p class="empty">No task has a result yet.</p>`;
  const shown = names.map((name) => {
    const { status, outcome, message, data = null } = results[name];
    return [name, { status, outcome, ...(message ? { message } : {}), data }];
  });
  return html`<${Json} key=${seq} value=${Object.fromEntries(shown)} label="results" />`;
}

const definition = cacheOf(20, (digest) => ask(`definitions/${part(digest)}`));

function Definition({ digest, task }) {
  const { value, problem } = useLatest(digest, definition);
  if (problem) return html`<p class="empty">${problem.message}</p>`;
  if (!value) return html`<p class="empty">Loading …</p>`;
  const flow = value.flow ?? value;
  if (!task) return html`<p class="digest muted">digest <code>${digest}</code></p><${Json} value=${flow} label="definition" />`;
  const conditions = (flow.conditions ?? []).filter((one) => one.source_task === task);
  const found = { task: flow.tasks.find((one) => one.name === task), conditions };
  return html`<${Json} key=${task} value=${found} label="definition" />`;
}
