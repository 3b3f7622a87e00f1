// The buttons: what can be asked of the execution now, each with a reason.

import { Problem, newKey, post } from "../api.js";
import { CopyButton } from "../copy.js";
import { Dialog } from "../dialog.js";
import { keep, kept } from "../kept.js";
import { html, useMemo, useState } from "../lib.js";
import { go } from "../route.js";
import { Plan } from "./plan.js";
import { VERBS, answersOf, bodyOf, commandsOf, openWait, pathOf, possibleVerbs } from "./verbs.js";

const valueIn = (field) => (field.type === "checkbox" ? field.checked : field.type === "number" ? field.valueAsNumber || "" : field.value);
const titled = (word) => word.charAt(0).toUpperCase() + word.slice(1);

export function Actions({ execution, graph, events, seq, refresh, isPast }) {
  const [asked, setAsked] = useState(null);
  const wait = openWait(events);
  const verbs = possibleVerbs(execution.status, wait);
  const isWaited = Boolean(wait?.signal) && !["completed", "failed", "cancelled"].includes(execution.status);
  const answers = isWaited ? answersOf(graph, wait.task) : [];
  if (!verbs.length && !asked) return null;
  const ask = (verb, given = {}) => setAsked({ verb, given, seq: execution.seq });
  const presets = { signal: { name: wait?.signal ?? "" }, fork: { at: isPast ? seq : beforeTheEnd(events) } };
  return html`<div class="actions" role="group" aria-label="What can be asked of it">
    ${isWaited && (answers.length ? answers : [""]).map((answer, index) => html`<button type="button" key=${answer} class=${index ? "" : "primary"}
      onClick=${() => ask("signal", { name: wait.signal, outcome: answer, isAnswer: true })}>${answer ? titled(answer) : "Approve"}</button>`)}
    ${verbs.map((verb) => html`<button type="button" key=${verb} class=${VERBS[verb].isGrave ? "grave" : verb === "retry" || verb === "resolve" || verb === "resume" || verb === "run" ? "primary" : ""}
      onClick=${() => ask(verb, presets[verb])}>${VERBS[verb].title}${verb === "signal" ? " …" : verb === "fork" && isPast ? ` at ${seq}` : ""}</button>`)}
    ${isPast && verbs.length > 1 && html`<span class="muted">they are asked of it as it is now</span>`}
    ${asked && html`<${Ask} key=${asked.verb} ...${asked} execution=${execution} graph=${graph} wait=${wait} onClose=${() => setAsked(null)} onDone=${refresh} />`}
  </div>`;
}

// The last event at which the execution had not ended: it can be forked there.
function beforeTheEnd(events) {
  const ends = ["execution.completed", "execution.failed", "execution.cancelled"];
  const at = events.findLastIndex((event) => ends.includes(event.type));
  if (at < 0) return events.length;
  const start = events.slice(0, at).findLastIndex((event) => event.type === "task.started");
  return Math.max(1, start);
}

function Ask({ verb, given, seq, execution, graph, wait, onClose, onDone }) {
  const { title, fields, hint, isGrave, isPlain } = VERBS[verb];
  const [values, setValues] = useState({ reason: "", actor: kept("actor"), ...(verb === "resolve" && { resolution: "success" }), ...given });
  const [problem, setProblem] = useState(null);
  const [isSending, setSending] = useState(false);
  const key = useMemo(newKey, []);
  const set = (name) => (event) => setValues({ ...values, [name]: valueIn(event.target) });
  const id = execution.execution_id;
  const made = (() => {
    try {
      return { body: bodyOf(verb, id, values) };
    } catch (error) {
      return { body: null, problem: `What was given cannot be read: ${error.message}` };
    }
  })();

  async function send(event) {
    event.preventDefault();
    if (made.problem) return setProblem(new Problem(0, { detail: made.problem }));
    setSending(true);
    keep("actor", values.actor);
    const headers = verb === "signal" ? { "Idempotency-Key": key } : {};
    if (given.isAnswer || verb === "resolve") headers["If-Match"] = `"${seq}"`;
    try {
      const answer = await post(pathOf(verb, id), made.body, headers);
      if (verb === "fork") go({ kind: "run", id: answer.execution_id });
      else onDone();
      return onClose();
    } catch (error) {
      setSending(false);
      return setProblem(error);
    }
  }

  const has = (name) => fields.includes(name);
  const name = given.isAnswer && given.outcome ? titled(given.outcome) : given.isAnswer ? "Approve" : title;
  const words = [...answersOf(graph, wait?.task ?? ""), "success", "failure"];
  return html`<${Dialog} title=${`${name}: ${execution.flow_name}`} onClose=${onClose}>
    <form class="form" onSubmit=${send}>
      ${hint && html`<p class="muted">${given.isAnswer ? `Task ${wait?.task ?? ""} waits for it.` : hint}</p>`}
      ${has("name") && !given.isAnswer && html`<label>Signal <input required value=${values.name ?? ""} onInput=${set("name")} /></label>`}
      ${has("resolution") && html`<label>It was a <select value=${values.resolution} onChange=${set("resolution")}>
        <option value="success">success</option><option value="failure">failure</option><option value="retry">run it again (retry)</option></select></label>`}
      ${has("outcome") && !given.isAnswer && values.resolution !== "retry" && html`<label>Outcome <input list="outcomes" value=${values.outcome ?? ""} onInput=${set("outcome")} placeholder="as its status" />
        <datalist id="outcomes">${words.map((word) => html`<option key=${word} value=${word}></option>`)}</datalist></label>`}
      ${has("task") && html`<label>From task <select value=${values.task ?? ""} onChange=${set("task")}><option value="">the one that failed</option>
        ${[...new Set(execution.path)].map((task) => html`<option key=${task} value=${task}>${task}</option>`)}</select></label>`}
      ${has("at") && html`<label>After event <input type="number" min="1" max=${seq} required value=${values.at} onInput=${set("at")} /></label><${Plan} id=${id} at=${values.at} />`}
      ${has("overrides") && html`<details><summary>With other values</summary><label><span class="hidden">Places and values</span>
        <textarea class="code" rows="3" spellcheck="false" value=${values.overrides ?? ""} onInput=${set("overrides")} placeholder=${"results.fetch.data.total=3\ninput.customer=\"Ada\""}></textarea></label>
        <p class="muted">One PLACE=VALUE a line: what comes after sees them; what was recorded stays.</p></details>`}
      ${has("paused") && html`<label class="check"><input type="checkbox" checked=${values.paused ?? false} onChange=${set("paused")} />paused: it waits for Resume first</label>`}
      ${has("now") && html`<label class="check"><input type="checkbox" checked=${values.now ?? false} onChange=${set("now")} />stop the running attempt too; it is run again later</label>`}
      ${!isPlain && html`<label>Reason <textarea rows="2" data-first value=${values.reason} onInput=${set("reason")} placeholder=${verb === "signal" ? "goes into the payload" : "recorded with it"}></textarea></label>
        <label>Who asks <input value=${values.actor} onInput=${set("actor")} autocomplete="name" placeholder="recorded with it" /></label>`}
      ${has("payload") && html`<details><summary>${verb === "signal" ? "Payload" : "Result data"} as JSON</summary>
        <label><span class="hidden">JSON</span><textarea class="code" rows="4" spellcheck="false" value=${values.payload ?? ""} onInput=${set("payload")} placeholder=${verb === "signal" ? `in place of {"reason": …}` : "null"}></textarea></label></details>`}
      ${made.body && html`<details class="same"><summary>The same as a command</summary>
        ${Object.entries(commandsOf(verb, id, made.body)).map(([kind, text]) => html`<div key=${kind} class="command"><span>${kind}</span><code tabindex="0">${text}</code><${CopyButton} text=${text} label=${`Copy as ${kind}`} /></div>`)}
      </details>`}
      ${problem && html`<div class="banner is-failed" role="alert"><div><b>${problem.message}</b>
        ${problem.possible?.length ? html`<p>Possible: ${problem.possible.join(", ")}.</p>` : ""}
        ${problem.status === 412 && html`<p>It has moved on since this was opened: close this, and look again.</p>`}</div></div>`}
      <div class="form-end"><button type="button" onClick=${onClose}>Not now</button><button class=${isGrave ? "grave" : "primary"} disabled=${isSending}>${name}</button></div>
    </form>
  </${Dialog}>`;
}
