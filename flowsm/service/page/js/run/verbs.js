// What can be asked of an execution, and the same as a command: curl, flowsm, Python.

import { hasToken, part, urlOf } from "../api.js";

// `fields` are asked for in the dialog; `body` is what is sent, `call` the manager's method with what it is given,
// `command` the words of the command line.
export const VERBS = {
  run: { title: "Run", path: () => "flow/execute", fields: [], isPlain: true },
  signal: { title: "Signal", fields: ["name", "outcome", "payload"], hint: "The first wait for a signal of this name takes it, now or later." },
  pause: { title: "Pause", fields: ["now"], hint: "It stops before its next task." },
  resume: { title: "Resume", fields: [], hint: "It goes on from where it was paused." },
  cancel: { title: "Cancel", fields: [], isGrave: true, hint: "What runs is stopped, then the flow's on_cancel cleans up." },
  retry: { title: "Retry", fields: ["task"], hint: "It goes on from the task that failed; what came before is kept." },
  resolve: { title: "Resolve", fields: ["resolution", "outcome", "payload"], hint: "Say what became of the attempt that was interrupted." },
};

const ENDED = ["completed", "failed", "cancelled"];
const ORDINARY = ["otherwise", "success", "failure", "timeout", "skipped", ""];

// The signal that is waited for, or that somebody's word is: as far as the events tell.
export function openWait(events) {
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const { type, data } = events[at];
    if (type === "wait.started") return { task: data.task, signal: data.signal ?? null, child: data.child ?? null };
    if (type === "resolution.awaited") return { task: data.task, isAsked: true };
    if (["wait.ended", "resolution.given", "task.started", "task.completed", "execution.failed", "execution.cancelled"].includes(type)) return null;
  }
  return null;
}

// The words that the task's conditions listen to, for buttons of their own.
export function answersOf(graph, task) {
  const labels = (graph?.edges ?? []).filter((edge) => edge.source === task).map((edge) => edge.label);
  return [...new Set(labels)].filter((label) => !ORDINARY.includes(label));
}

export function possibleVerbs(status, wait) {
  if (ENDED.includes(status)) return status === "failed" ? ["retry"] : [];
  const found = [];
  if (status === "created") found.push("run");
  if (wait?.isAsked) found.push("resolve");
  found.push(status === "paused" ? "resume" : "pause", "signal", "cancel");
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
    if (given.payload?.trim()) body.payload = JSON.parse(given.payload);
    else if (given.reason) body.payload = { reason: given.reason };
  } else {
    for (const name of ["now", "task", "resolution", "outcome"]) put(name, given[name]);
    if (given.payload?.trim()) body.data = JSON.parse(given.payload);
    put("reason", given.reason);
  }
  put("actor", given.actor);
  return body;
}

export const pathOf = (verb, id) => VERBS[verb].path?.() ?? `flow/${part(id)}/${verb}`;

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export function python(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

export function commandsOf(verb, id, body) {
  const token = hasToken() ? ` -H "Authorization: Bearer $FLOWSM_TOKEN"` : "";
  const curl = `curl${token} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))} ${quoted(urlOf(pathOf(verb, id)))}`;
  return { curl, CLI: commandLine(verb, id, body), Python: pythonCall(verb, id, body) };
}

function commandLine(verb, id, body) {
  const words = ["flowsm", verb, id];
  if (verb === "signal") words.push(body.name ?? "NAME");
  if (verb === "resolve") words.push("--as", body.resolution ?? "success");
  const data = body.payload ?? body.data;
  if (body.now) words.push("--now");
  if (body.task) words.push("--task", body.task);
  if (body.outcome) words.push("--outcome", body.outcome);
  if (data !== undefined) words.push("--data", JSON.stringify(data));
  if (body.reason) words.push("--reason", body.reason);
  if (body.actor) words.push("--actor", body.actor);
  return words.map(quoted).join(" ");
}

function pythonCall(verb, id, body) {
  if (verb === "run") return `await manager.execute_flow(${python(id)})`;
  const first = { signal: ["name", "payload"], resolve: ["resolution"] }[verb] ?? [];
  const given = [python(id), ...first.filter((name) => name in body).map((name) => python(body[name]))];
  for (const [name, value] of Object.entries(body)) if (!first.includes(name)) given.push(`${name}=${python(value)}`);
  return `await manager.${verb}(${given.join(", ")})`;
}

// The commands that show it.
export function lookingAt(id) {
  const token = hasToken() ? ` -H "Authorization: Bearer $FLOWSM_TOKEN"` : "";
  return {
    curl: `curl${token} ${quoted(urlOf(`flow/${part(id)}`))}`,
    CLI: `flowsm show ${quoted(id)}`,
    Python: `await manager.get_flow_status(${python(id)})`,
  };
}
