// What would be done, told before it is: what a fork would share and do again, or whether an upgrade is safe.

import { post } from "../api.js";
import { useLatest } from "../hooks.js";
import { html, useEffect } from "../lib.js";
import { Mark } from "../marks.js";
import { parse, stringify } from "../numbers.js";
import { plural, sentence, short } from "../text.js";
import { pathOf } from "./verbs.js";

const TYPING_MS = 250;
const VALUE_CHARS = 80;

// The answer to a dry run of what would be sent: without what only is recorded with it.
function useDryRun(verb, id, body, isAsked) {
  const { reason, actor, paused, ...rest } = body ?? {};
  const key = isAsked ? stringify({ ...rest, dry_run: true }) : null;
  const found = useLatest(key, (asked) => post(pathOf(verb, id), parse(asked)), TYPING_MS);
  return { ...found, isNow: key !== null && found.key === key };
}

export function ForkPlan({ execution, body, values }) {
  const isWhole = Boolean(body?.at) && (!body.flow || values.isFlow === true);
  const { value, problem, isNow } = useDryRun("fork", execution.execution_id, body, isWhole);
  if (!isWhole) return null;
  if (problem && isNow) return html`<${Refused} problem=${problem} />`;
  if (!value || !isNow) return html`<p class="muted" role="status">…</p>`;
  const { task, attempt, visit, way, done, overrides = {} } = value;
  const turn = (visit > 1 ? `, visit ${visit}` : "") + (attempt > 1 ? `, attempt ${attempt}` : "");
  const where = task === null ? "it goes on from there" : `it goes on ${way === "after" ? "after" : "at"} ${task}${turn}`;
  const places = Object.entries(overrides);
  return html`<p class="muted"
    role="status">It shares ${plural(done.length, "result")}${done.length ? ` (${done.join(", ")})` : ""}; ${where}.
    ${places.length > 0 && html` With ${places.map(([place, given]) => html`<code key=${place}>${place}=${short(stringify(given),
      VALUE_CHARS)}</code> `)}.`}
    ${way === "again" && html` <b>That attempt was under way: what it has done already may be done once more.</b>`}</p>`;
}

export function UpgradePlan({ execution, body, values, onPlan }) {
  const isWhole = Boolean(body?.flow) && values.isFlow === true && !values.isSame;
  const { value, problem, isNow } = useDryRun("upgrade", execution.execution_id, body, isWhole);
  const isSafe = isNow && !problem && value?.safe === true;
  useEffect(() => onPlan(isSafe), [isSafe]);
  if (values.isSame) return html`<p class="muted" role="status">It has this version already: there is nothing to send.</p>`;
  if (!isWhole) return null;
  if (problem && isNow) return html`<${Refused} problem=${problem} />`;
  if (!value || !isNow) return html`<p class="muted" role="status">Rehearsing what is recorded …</p>`;
  if (value.safe) {
    return html`<p class="plan is-completed" role="status"><${Mark} status="completed" /><span>It is safe: what it has done is what this
      version would have done${value.task !== null && html`, and it goes on at <b>${value.task}</b>`}.</span></p>`;
  }
  return html`<div class="plan is-failed" role="status"><${Mark} status="failed" /><div><b>It would not be safe.</b>
    ${value.reasons.map((one) => html`<p key=${one}>${sentence(one)}</p>`)}</div></div>`;
}

// Why it cannot even be planned.
const Refused = ({ problem }) => html`<p class="error-text" role="status">${problem.message}</p>`;
