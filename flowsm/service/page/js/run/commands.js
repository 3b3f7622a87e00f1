// The same as a button, as a command: curl, flowsm, Python.

import { hasToken, part, urlOf } from "../api.js";
import { Written, stringify } from "../numbers.js";
import { pathOf } from "./verbs.js";

const DEFAULT_LOG = "flowsm.db";
const FLOW_OPTIONS = { upgrade: "--to", fork: "--flow" };

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

const isLikeOption = (word) => word.startsWith("-");

// A value that begins like an option is given in one word with the option that it is for.
const option = (name, value) => (isLikeOption(value) ? [quoted(`${name}=${value}`)] : [name, quoted(value)]);

// The log, by its file's name, unless it is the one that the command line takes by itself, or is not known.
let log = DEFAULT_LOG;
export const tellLog = (name) => { log = name ?? DEFAULT_LOG; };
const where = () => (log === DEFAULT_LOG ? [] : option("--db", log));

const curlTo = () => (hasToken() ? `curl -H "Authorization: Bearer $FLOWSM_TOKEN"` : "curl");

export function python(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (value instanceof Written) return value.source;
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item)}`).join(", ")}}`;
  }
  return stringify(value);
}

export function commandsOf(verb, id, body) {
  const curl = `${curlTo()} -H 'Content-Type: application/json' -d ${quoted(stringify(body))} ${quoted(urlOf(pathOf(verb, id)))}`;
  return { curl, CLI: commandLine(verb, id, body), Python: pythonCall(verb, id, body) };
}

function commandLine(verb, id, body) {
  const about = [id, ...(verb === "signal" ? [body.name ?? "NAME"] : [])];
  const isLast = about.some(isLikeOption); // behind --, which ends the options
  const words = ["flowsm", verb, ...(isLast ? [] : about.map(quoted))];
  const say = (name, value) => words.push(...option(name, value));
  if (verb === "resolve") say("--as", body.resolution ?? "success");
  const data = body.payload ?? body.data;
  if (body.at) say("--at", String(body.at));
  for (const [place, value] of Object.entries(body.overrides ?? {})) say("--set", `${place}=${stringify(value)}`);
  for (const name of ["paused", "now"]) if (body[name]) words.push(`--${name}`);
  for (const name of ["task", "outcome"]) if (body[name]) say(`--${name}`, body[name]);
  if (data !== undefined) say("--data", stringify(data));
  for (const name of ["reason", "actor"]) if (body[name]) say(`--${name}`, body[name]);
  words.push(...where());
  if (isLast) words.push("--", ...about.map(quoted));
  if (!body.flow) return words.join(" ");
  return `${[...words, `${FLOW_OPTIONS[verb]}=-`].join(" ")} <<'FLOW'\n${stringify(body.flow, 2)}\nFLOW`;
}

const FIRST = { signal: ["name", "payload"], resolve: ["resolution"], fork: ["at"], upgrade: ["flow"] };

function pythonCall(verb, id, body) {
  if (verb === "run") return `await manager.execute_flow(${python(id)})`;
  const first = FIRST[verb] ?? [];
  const given = [python(id), ...first.filter((name) => name in body).map((name) => python(body[name]))];
  for (const [name, value] of Object.entries(body)) if (!first.includes(name)) given.push(`${name}=${python(value)}`);
  return `await manager.${verb}(${given.join(", ")})`;
}

// The command that takes a file of the user's.
export const commandWith = (words, file) => ["flowsm", ...words, quoted(file.replace(/^-/, "./-")), ...where()].join(" ");

// The commands that show it.
export function lookingAt(id) {
  return {
    curl: `${curlTo()} ${quoted(urlOf(`flow/${part(id)}`))}`,
    CLI: ["flowsm show", quoted(id), ...where()].join(" "),
    Python: `await manager.get_flow_status(${python(id)})`,
  };
}
