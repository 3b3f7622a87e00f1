// What each verb asks for.

import { Json } from "../json.js";
import { html } from "../lib.js";
import { ForkPlan, UpgradePlan } from "./plan.js";
import { VERBS, answersOf } from "./verbs.js";
import { Version } from "./version.js";

const LAST = ["payload", "overrides", "version"];

function valueIn(field) {
  if (field.type === "checkbox") return field.checked;
  return field.type === "number" ? field.valueAsNumber || "" : field.value;
}

export function Fields(props) {
  const { verb, given, values, setValues } = props;
  const set = (name) => (event) => {
    const value = valueIn(event.target);
    setValues((before) => ({ ...before, [name]: value }));
  };
  const isSignal = verb === "signal";
  const asked = VERBS[verb].fields.filter((name) => !given.isAnswer || name === "payload");
  const isFirst = (name) => !LAST.includes(name);
  return html`
    ${asked.filter(isFirst).map((name) => html`<${FIELDS[name]} key=${name} ...${props} set=${set} />`)}
    ${verb !== "run" && (!isSignal || !values.payload?.trim() || values.hasRoom) && html`
      <label>Reason <textarea rows="2" data-first=${given.payload ? undefined : true} value=${values.reason} onInput=${set("reason")}
        placeholder=${isSignal ? "goes into the payload" : "recorded with it"}></textarea></label>`}
    ${verb !== "run" && html`
      <label>Who asks <input value=${values.actor} onInput=${set("actor")} autocomplete="name" placeholder="recorded with it" /></label>`}
    ${asked.filter((name) => !isFirst(name)).map((name) => html`<${FIELDS[name]} key=${name} ...${props} set=${set} />`)}`;
}

const FIELDS = {
  name: ({ values, set }) => html`<label>Signal <input required value=${values.name ?? ""} onInput=${set("name")} /></label>`,

  at: ({ values, set, seq, ...props }) => html`
    <label>After event <input type="number" min="1" max=${seq} required value=${values.at} onInput=${set("at")} /></label>
    <${ForkPlan} values=${values} ...${props} />`,

  flow: (props) => html`<${Version} ...${props} /><${UpgradePlan} ...${props} />`,

  version: (props) => html`<details onToggle=${(event) => props.setValues((before) => ({ ...before, isOther: event.target.open }))}>
    <summary>With another version of the flow</summary>${props.values.isOther && html`<${Version} ...${props} />`}</details>`,

  now: ({ values, set }) => html`<label class="check"><input type="checkbox" checked=${values.now ?? false}
    onChange=${set("now")} />stop the running attempt too; it is run again later</label>`,

  paused: ({ values, set }) => html`<label class="check"><input type="checkbox" checked=${values.paused ?? false}
    onChange=${set("paused")} />paused: it waits for Resume first</label>`,

  task: ({ values, set, execution }) => html`<label>From task <select value=${values.task ?? ""} onChange=${set("task")}>
    <option value="">the one that failed</option>
    ${[...new Set(execution.path)].map((task) => html`<option key=${task} value=${task}>${task}</option>`)}
  </select></label>`,

  resolution: ({ values, set }) => html`<label>It was a <select value=${values.resolution} onChange=${set("resolution")}>
    <option value="success">success</option>
    <option value="failure">failure</option>
    <option value="retry">run it again (retry)</option>
  </select></label>`,

  outcome: ({ values, set, graph, wait }) => values.resolution !== "retry" && html`<label>Outcome
    <input list="outcomes" value=${values.outcome ?? ""} onInput=${set("outcome")} placeholder="as its status" />
    <datalist id="outcomes">
      ${[...answersOf(graph, wait?.task ?? ""), "success", "failure"].map((word) => html`<option key=${word} value=${word}></option>`)}
    </datalist></label>`,

  overrides: ({ values, set }) => html`<details><summary>With other values</summary>
    <label><span class="hidden">Places and values</span>
      <textarea class="code" rows="3" spellcheck="false" value=${values.overrides ?? ""} onInput=${set("overrides")}
        placeholder=${"results.fetch.data.total=3\ninput.customer=\"Ada\""}></textarea></label>
    <p class="muted">One PLACE=VALUE a line: what comes after sees them; what was recorded stays.</p></details>`,

  payload: ({ values, set, verb, given, wait }) => values.resolution !== "retry" && html`<details open=${Boolean(given.payload)}>
    <summary>${verb === "signal" ? "Payload" : "Result data"} as JSON</summary>
    <label><span class="hidden">JSON</span>
      <textarea class="code" data-first=${Boolean(given.payload)} rows=${given.payload ? 6 : 4} spellcheck="false"
        value=${values.payload ?? ""} onInput=${set("payload")}
        placeholder=${verb === "signal" ? "in place of {\"reason\": …}" : "null"}></textarea></label>
    ${verb === "signal" && wait?.schema && html`<details><summary>What it has to fit</summary>
      <${Json} value=${wait.schema} label="schema" /></details>`}</details>`,
};
