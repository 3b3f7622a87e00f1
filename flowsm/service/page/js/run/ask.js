// The dialog in which something is asked of an execution, with a reason.

import { MOVED_ON, Problem, newKey, post } from "../api.js";
import { CopyButton } from "../copy.js";
import { Dialog } from "../dialog.js";
import { keep, kept } from "../kept.js";
import { html, useMemo, useState } from "../lib.js";
import { stringify } from "../numbers.js";
import { go } from "../route.js";
import { nameOf, sentence, unturned } from "../text.js";
import { commandsOf } from "./commands.js";
import { Fields } from "./fields.js";
import { VERBS, bodyOf, pathOf } from "./verbs.js";

const AFTER_THE_END = ["fork", "retry"];
const isEnded = ({ ended_at: at }) => at !== null;

export const titled = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function made(verb, id, values) {
  try {
    return { body: bodyOf(verb, id, values), problem: null };
  } catch (error) {
    return { body: null, problem: new Problem(0, { detail: `What was given cannot be read: ${error.message}` }) };
  }
}

export function Ask({ verb, given, seq, execution, graph, wait, onClose, onDone }) {
  const { title, hint, look, isWide, needsPlan } = VERBS[verb];
  const id = execution.execution_id;
  const first = verb === "resolve" ? { resolution: "success" } : {};
  const [values, setValues] = useState({ reason: "", actor: kept("actor"), ...first, ...given });
  const [problem, setProblem] = useState(null);
  const [warning, setWarning] = useState("");
  const [isSending, setSending] = useState(false);
  const [expected, setExpected] = useState(seq);
  const [isPlanned, setPlanned] = useState(!needsPlan);
  const { body, problem: unread } = made(verb, id, values);
  const key = useMemo(newKey, [verb === "fork" && body ? stringify(body) : ""]);
  const isLost = problem?.status === 0; // it may be this very answer that ended the wait
  const isTaken = given.isAnswer && (wait?.task !== given.task || wait?.signal !== given.name || wait.isAnswered);
  const isOver = !isSending && !isLost && (isTaken || (isEnded(execution) && !AFTER_THE_END.includes(verb)));
  const isOff = isSending || isOver || !isPlanned || (values.isOther && !values.isFlow);
  const name = given.isAnswer ? titled(given.outcome || "approve") : title;

  async function send(event) {
    event.preventDefault();
    if (unread) return setProblem(unread);
    setSending(true);
    keep("actor", values.actor);
    const headers = verb === "signal" || verb === "fork" ? { "Idempotency-Key": key } : {};
    if (given.isAnswer || verb === "resolve" || verb === "upgrade") headers["If-Match"] = `"${expected}"`;
    try {
      const answer = await post(pathOf(verb, id), body, headers);
      if (verb === "fork") go({ kind: "run", id: answer.execution_id });
      else onDone();
      return answer.warning ? setWarning(answer.warning) : onClose();
    } catch (error) {
      setSending(false);
      if (error.status === MOVED_ON && error.state.seq) setExpected(error.state.seq);
      return setProblem(error);
    }
  }

  const flow = nameOf(execution.flow_name, execution.flow_id);
  return html`<${Dialog} title=${unturned(`${name}: ${flow}`)} onClose=${onClose} wide=${isWide || values.isOther}>
    <form class="form" onSubmit=${send}>
      ${hint && html`<p class="muted">${given.isAnswer ? `Task ${given.task} waits for it.` : hint}</p>`}
      <${Fields} verb=${verb} given=${given} values=${values} setValues=${setValues} seq=${seq}
        execution=${execution} graph=${graph} wait=${wait} body=${body} onPlan=${setPlanned} />
      ${body && html`<${Same} commands=${commandsOf(verb, id, body)} />`}
      ${problem && html`<${Refused} problem=${problem} />`}
      ${isOver && !problem && !warning && html`<p class="banner is-waiting" role="status">${given.isAnswer
        ? "Nobody waits for this any more: it was answered elsewhere, or has ended." : "It has ended meanwhile."}</p>`}
      ${warning && html`<div class="banner is-waiting" role="alert"><div><b>It is recorded; but:</b>
        <p>${sentence(warning)}</p></div></div>`}
      <div class="form-end"><button type="button" onClick=${onClose}>${warning ? "Close" : "Not now"}</button>
        ${!warning && html`<button class=${look === "grave" ? "grave" : "primary"} disabled=${isOff}>${problem?.status === MOVED_ON
          ? `${name} all the same` : name}</button>`}</div>
    </form>
  </${Dialog}>`;
}

const Same = ({ commands }) => html`<details class="same"><summary>The same as a command</summary>
  ${Object.entries(commands).map(([kind, text]) => html`<div key=${kind} class="command">
    <span>${kind}</span><code tabindex="0">${text}</code><${CopyButton} text=${text} label=${`Copy as ${kind}`} /></div>`)}
</details>`;

function Refused({ problem }) {
  const said = problem.status === MOVED_ON
    ? "The execution has moved on since this was opened: it may stand elsewhere now, or be paused." : problem.message;
  return html`<div class="banner is-failed" role="alert"><div><b>${said}</b></div></div>`;
}
