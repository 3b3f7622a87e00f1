// The buttons: what can be asked of the execution now.

import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { stringify } from "../numbers.js";
import { short } from "../text.js";
import { Ask, titled } from "./ask.js";
import { hasRoomFor, skeletonOf } from "./skeleton.js";
import { VERBS, answersOf, isPausedIn, openWait, possibleVerbs, removedIn } from "./verbs.js";

const ANSWER_CHARS = 40;
const REGAIN_MS = 5000;
const SETTLED_MS = 150;
const ENDS = ["execution.completed", "execution.failed", "execution.cancelled"];

export function Actions({ execution, graph, events, seq, refresh, isPast }) {
  const [asked, setAsked] = useState(null);
  const box = useRef(null);
  const closedAt = useRef(0);
  const wait = useMemo(() => openWait(events), [events.length]);
  const isPaused = useMemo(() => isPausedIn(events), [events.length]);
  const isRemoved = useMemo(() => removedIn(events) !== null, [events.length]);
  const verbs = possibleVerbs(execution.status, wait, isPaused, isRemoved);
  const isWaited = Boolean(wait?.signal) && !wait.isAnswered && execution.ended_at === null;
  const answers = isWaited ? answersOf(graph, wait.task) : [];
  const ask = (verb, given = {}) => setAsked({ verb, given, seq: Math.max(execution.seq, events.length) });
  const payload = wait?.schema ? stringify(skeletonOf(wait.schema), 2) : "";
  const hasRoom = Boolean(payload) && hasRoomFor(wait.schema, "reason");
  const answer = (outcome) => ask("signal", { name: wait.signal, task: wait.task, outcome, payload, hasRoom, isAnswer: true });
  const preset = (verb) => {
    if (verb === "signal") return { name: wait?.signal ?? "", payload, hasRoom };
    return verb === "fork" ? { at: isPast ? seq : beforeTheEnd(events) } : {};
  };
  const more = { signal: " …", fork: isPast ? ` at ${seq}` : "" };
  // A button that is gone once it was pressed leaves the keyboard to the first of those that are there now.
  useEffect(() => {
    if (asked || Date.now() - closedAt.current > REGAIN_MS) return undefined;
    const regain = () => document.activeElement === document.body && box.current?.querySelector("button")?.focus({ preventScroll: true });
    regain();
    const timer = setTimeout(regain, SETTLED_MS); // the browser gives up a dialog's focus a little later than the dialog
    return () => clearTimeout(timer);
  }, [verbs.join(), asked === null]);
  const close = () => {
    closedAt.current = Date.now();
    setAsked(null);
  };
  return html`<div class="actions" ref=${box} role="group" aria-label="What can be asked of it">
    ${isWaited && (answers.length ? answers : [""]).map((outcome, index) => html`<button type="button" key=${outcome}
      class=${index ? "" : "primary"} onClick=${() => answer(outcome)}>
      ${outcome ? short(titled(outcome), ANSWER_CHARS) : "Approve"}</button>`)}
    ${verbs.map((verb) => html`<button type="button" key=${verb} class=${VERBS[verb].look ?? ""}
      onClick=${() => ask(verb, preset(verb))}>${VERBS[verb].title}${more[verb] ?? ""}</button>`)}
    ${isPast && verbs.length > 1 && html`<span class="muted">they are asked of it as it is now</span>`}
    ${asked && html`<${Ask} key=${asked.verb} ...${asked} execution=${execution} graph=${graph} wait=${wait}
      onClose=${close} onDone=${refresh} />`}
  </div>`;
}

// The event before the last attempt of an execution that has ended: where it can be forked, to do that once more.
function beforeTheEnd(events) {
  const at = events.findLastIndex((event) => ENDS.includes(event.type));
  if (at < 0) return events.length;
  return Math.max(1, events.slice(0, at).findLastIndex((event) => event.type === "task.started"));
}
