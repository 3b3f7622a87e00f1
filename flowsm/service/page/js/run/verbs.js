// What can be asked of an execution, and what is sent then.

import { part } from "../api.js";
import { bareFlow } from "../flow/document.js";
import { parse } from "../numbers.js";

// `fields` are asked for in the dialog, besides the reason; `look` is that of the button.
export const VERBS = {
  run: { title: "Run", path: () => "flow/execute", fields: [], look: "primary" },
  signal: { title: "Signal", fields: ["name", "outcome", "payload"],
    hint: "The first wait for a signal of this name takes it, now or later." },
  pause: { title: "Pause", fields: ["now"], hint: "It stops before its next task." },
  resume: { title: "Resume", look: "primary", fields: [], hint: "It goes on from where it was paused." },
  cancel: { title: "Cancel", fields: [], look: "grave", hint: "What runs is stopped, then the flow's on_cancel cleans up." },
  retry: { title: "Retry", look: "primary", fields: ["task", "overrides"],
    hint: "It goes on from the task that failed; what came before is kept." },
  fork: { title: "Fork", fields: ["at", "paused", "overrides", "version"],
    hint: "A new execution that shares the events up to this one, and goes on by itself; what it runs has idempotency keys of its own." },
  upgrade: { title: "Upgrade", fields: ["flow"], isWide: true, needsPlan: true,
    hint: "It goes on with another version of its flow, if that is safe where it stands; what runs, or waits, stays as it was begun." },
  resolve: { title: "Resolve", look: "primary", fields: ["resolution", "outcome", "payload"],
    hint: "Say what became of the attempt that was interrupted." },
};

const OVER = ["wait.ended", "resolution.given", "task.started", "task.completed", "execution.failed", "execution.cancelled"];
const ENDED = ["completed", "failed", "cancelled"];
const PAUSES = ["execution.paused", "execution.resumed", "execution.redriven", "execution.forked", "execution.cancelling"];
const ORDINARY = ["otherwise", "success", "failure", "timeout", "skipped", ""];

// The signal that is waited for, or that somebody's word is: as far as the events tell. `isAnswered` where it has come, and
// is taken as soon as the execution goes on.
export function openWait(events) {
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const { type, data } = events[at];
    if (type === "wait.started") {
      const start = events[at - 1]?.type === "task.started" ? events[at - 1].data : null;
      const isAnswer = (event) => event.type === "signal.received" && event.data.name === data.signal;
      return {
        task: data.task, signal: data.signal ?? null, child: data.child ?? null, schema: start?.parameters?.schema ?? null,
        isAnswered: events.slice(at + 1).some(isAnswer),
      };
    }
    if (type === "resolution.awaited") return { task: data.task, isAsked: true };
    if (OVER.includes(type)) return null;
  }
  return null;
}

// The words that the task's conditions listen to, for buttons of their own.
export function answersOf(graph, task) {
  const labels = (graph?.edges ?? []).filter((edge) => edge.source === task).map((edge) => edge.label);
  return [...new Set(labels)].filter((label) => !ORDINARY.includes(label));
}

// Whether somebody asked for a pause that nobody took back: what runs runs on, and it stops after that.
export function isPausedIn(events) {
  return events.findLast(({ type }) => PAUSES.includes(type))?.type === "execution.paused";
}

export const removedIn = (events) => events.findLast(({ type }) => type === "execution.removed") ?? null;

export function possibleVerbs(status, wait, isPaused, isRemoved) {
  if (ENDED.includes(status)) return status === "failed" && !isRemoved ? ["retry", "fork"] : ["fork"];
  const found = [];
  if (status === "created") found.push("run");
  if (wait?.isAsked) found.push("resolve");
  found.push(status === "paused" || isPaused ? "resume" : "pause", "signal", "fork", "upgrade", "cancel");
  return found;
}

// What is sent, from what was filled in; empty fields are left out.
export function bodyOf(verb, id, given) {
  if (verb === "run") return { execution_id: id };
  const body = {};
  const put = (name, value) => {
    if (value !== undefined && value !== "" && value !== false) body[name] = value;
  };
  if (verb === "signal") {
    put("name", given.name);
    put("outcome", given.outcome);
    if (given.payload?.trim()) body.payload = withReason(parse(given.payload), given);
    else if (given.reason) body.payload = { reason: given.reason };
  } else {
    for (const name of ["at", "now", "task", "resolution", "paused"]) put(name, given[name]);
    const { outcome, payload } = given.resolution === "retry" ? {} : given; // what is made again has both of its own
    put("outcome", outcome);
    if (given.overrides?.trim()) body.overrides = placesIn(given.overrides);
    if ((verb === "upgrade" || given.isOther) && given.flow?.trim()) body.flow = bareFlow(parse(given.flow));
    if (payload?.trim()) body.data = parse(payload);
    put("reason", given.reason);
  }
  put("actor", given.actor);
  return body;
}

// A payload that has room for it takes the reason that was given beside it.
function withReason(payload, { hasRoom, reason }) {
  if (!hasRoom || !reason) return payload;
  if (payload === null || Object.getPrototypeOf(payload) !== Object.prototype) {
    throw new SyntaxError("the reason goes into the payload, which has to be an object for that");
  }
  return { ...payload, reason };
}

// Lines of PLACE=VALUE, as the command line takes them; a value that is no JSON is a text.
function placesIn(text) {
  const found = {};
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const at = line.indexOf("=");
    if (at < 1) throw new SyntaxError(`expected PLACE=VALUE, found ${line}`);
    found[line.slice(0, at).trim()] = valueOf(line.slice(at + 1).trim());
  }
  return found;
}

function valueOf(text) {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

export const pathOf = (verb, id) => VERBS[verb].path?.() ?? `flow/${part(id)}/${verb}`;
