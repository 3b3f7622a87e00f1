// The filters: statuses with their counts, the flow, the time, and words to search for.

import { ask } from "../api.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { Icon, Mark } from "../marks.js";
import { count, nameOf } from "../text.js";

const STATUSES = ["running", "waiting", "paused", "failed", "completed", "cancelled", "created"];
const SINCE = [["", "any time"], ["15m", "15 minutes"], ["1h", "an hour"], ["1d", "a day"], ["7d", "7 days"], ["30d", "30 days"]];
const TYPING_MS = 250;

function useFlows(total) {
  const [flows, setFlows] = useState([]);
  useEffect(() => {
    const use = ({ items }) => setFlows([...new Map(items.map((one) => [one.flow_id, nameOf(one.name, one.flow_id)])).entries()]);
    ask("definitions?limit=200").then(use, () => {});
  }, [total > 0]);
  return flows;
}

export function Filters({ parameters, summary, show, field }) {
  const flows = useFlows(summary?.total_flows ?? 0);
  const counts = summary?.status_counts ?? {};
  const others = parameters.flow && !flows.some(([id]) => id === parameters.flow) ? [[parameters.flow, parameters.flow]] : [];
  return html`<div class="filters">
    <div class="chips" role="group" aria-label="Status">
      <${Chip} isOn=${!parameters.status} onClick=${() => show({ status: "" })} text="All" number=${summary?.total_flows} />
      ${STATUSES.map((status) => html`<${Chip} key=${status} status=${status} text=${status} number=${summary && (counts[status] ?? 0)}
        isOn=${parameters.status === status} onClick=${() => show({ status: parameters.status === status ? "" : status })} />`)}
    </div>
    <div class="fields">
      <label class="field search-field"><span class="hidden">Search</span><${Icon} name="search" size="14" />
        <${Search} parameters=${parameters} show=${show} field=${field} /></label>
      <label class="field"><span>Flow</span>
        <select value=${parameters.flow ?? ""} onChange=${(event) => show({ flow: event.target.value })}>
          <option value="">all</option>
          ${[...others, ...flows].map(([id, name]) => html`<option key=${id} value=${id}>
            ${name === id ? id : `${name} (${id})`}</option>`)}
        </select></label>
      <label class="field"><span>Since</span>
        <select value=${parameters.since ?? ""} onChange=${(event) => show({ since: event.target.value })}>
          ${SINCE.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
        </select></label>
    </div>
  </div>`;
}

function Chip({ status, text, number, isOn, onClick }) {
  return html`<button type="button" class=${`chip ${status ? `is-${status}` : ""}`} aria-pressed=${isOn ? "true" : "false"}
    onClick=${onClick}>
    ${status && html`<${Mark} status=${status}
      size="12" />`}${text}${number !== undefined && number !== null && html` <b>${count(number)}</b>`}
  </button>`;
}

function Search({ parameters, show, field }) {
  const [text, setText] = useState(parameters.q ?? "");
  const timer = useRef(0);
  const latest = useRef(null);
  latest.current = (q) => show({ q }, { replace: Boolean(parameters.q) }); // "back" leads to before the first word
  useEffect(() => {
    if (document.activeElement !== field.current) setText(parameters.q ?? "");
  }, [parameters.q]);
  const typed = (event) => {
    const value = event.target.value;
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current(value.trim()), TYPING_MS);
  };
  const pressed = (event) => {
    if (event.key === "Escape") {
      setText("");
      show({ q: "" }, { replace: true });
    }
    if (event.key === "Escape" || event.key === "Enter") event.target.blur();
  };
  return html`<input ref=${field} type="search" placeholder="Search id, flow, task, error" value=${text} onInput=${typed}
    onKeyDown=${pressed} autocomplete="off" spellcheck="false" /><kbd aria-hidden="true">/</kbd>`;
}
