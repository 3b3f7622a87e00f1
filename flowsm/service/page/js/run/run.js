// One execution: its machine, its time, and everything that is known of it, now or at any event.

import { NOT_FOUND } from "../api.js";
import { Connection } from "../connection.js";
import { useKeys, useNow } from "../hooks.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { Status } from "../marks.js";
import { go, linkTo } from "../route.js";
import { ago, duration, moment, nameOf, unturned } from "../text.js";
import { Actions } from "./actions.js";
import { Banner } from "./banner.js";
import { CopyMenu } from "./copies.js";
import { useExecution, useMoment } from "./follow.js";
import { Graph } from "./graph.js";
import { Panel, TABS } from "./panel.js";
import { Relations } from "./relations.js";
import { Slider } from "./slider.js";
import { Timeline } from "./timeline.js";
import { removedIn } from "./verbs.js";

const SEQ = /^[1-9]\d{0,15}$/;
const ENDED = ["completed", "failed", "cancelled"];

export function Run({ id, place, mayAct }) {
  const [round, setRound] = useState(0);
  return html`<${Round} key=${round} id=${id} place=${place} mayAct=${mayAct} onAgain=${() => setRound(round + 1)} />`;
}

// As long as it is known to be the same execution.
function Round({ id, place, mayAct, onAgain }) {
  const run = useExecution(id, onAgain);
  const { execution, events, problem, connection } = run;
  const { tab = "", task = null } = place.parameters;
  const asked = SEQ.test(place.parameters.seq) ? place.parameters.seq : "";
  const last = events.length;
  const isComing = last < Math.min(asked || 1, execution?.seq ?? Infinity);
  const isLive = !asked;
  const seq = isLive ? last : Math.min(Number(asked), Math.max(last, 1));
  const here = TABS.some(([name]) => name === tab) ? tab : "events";
  const known = useMoment(id, last ? seq : 0, here === "state" || here === "input" || here === "output" || here === "error");
  const [ticking, setTicking] = useState(0);
  useEffect(() => setTicking(execution && !ENDED.includes(execution.status) ? 1000 : 0), [execution?.status]);
  const now = useNow(ticking);
  useEffect(() => {
    if (execution) document.title = `${unturned(nameOf(execution.flow_name, execution.flow_id))}: ${execution.status} · ${id} · flowsm`;
  }, [execution?.flow_name, execution?.status, id]);

  const show = (more, options = { replace: true }) => go({ kind: "run", id, parameters: { tab, task, seq: asked, ...more } }, options);
  const seek = (to) => isComing || show({ seq: Math.min(Math.max(1, to), last) });
  const live = () => show({ seq: "" });
  const pick = (name) => show({ task: name ?? "" });
  useKeys({
    ArrowLeft: () => seek(seq - 1), k: () => seek(seq - 1),
    ArrowRight: () => seek(seq + 1), j: () => seek(seq + 1),
    Home: () => seek(1), End: () => seek(last), l: live,
    u: () => go({ kind: "list", parameters: {} }),
    ...Object.fromEntries(TABS.map(([name], index) => [String(index + 1), () => show({ tab: name })])),
  });

  if (problem && !execution) {
    const isUnknown = problem.status === NOT_FOUND;
    return html`<div class="nothing"><h1>${isUnknown ? "There is no such execution" : "It cannot be shown"}</h1>
      <p>${problem.message}</p>
      ${!isUnknown && html`<button type="button" class="primary" onClick=${run.refresh}>Try again</button>`}
      <a class="button" href="#/">All executions</a></div>`;
  }
  if (!execution) return html`<p class="empty" role="status">Loading …</p>`;
  const isPast = !isLive && seq < last;
  return html`<div class="run">
    <${Head} execution=${execution} connection=${connection} now=${now} isPast=${isPast} status=${known.graph?.status} events=${events}
      parts=${run.attempts.parts} />
    ${mayAct && problem?.status !== NOT_FOUND && html`<${Actions} execution=${execution} graph=${known.graph} events=${events} seq=${seq}
      refresh=${run.refresh} isPast=${isPast} />`}
    ${(problem ?? known.problem) && html`<p class="banner is-failed" role="alert">${(problem ?? known.problem).message}</p>`}
    <${Banner} explain=${known.explain} status=${known.graph?.status} seq=${seq} isPast=${isPast} event=${events[seq - 1]}
      onLive=${live} onPick=${pick} onTab=${(name) => show({ tab: name })} />
    <div class="run-grid">
      <div class="run-left">
        <${Graph} graph=${known.graph} events=${events} selected=${task} onSelect=${pick} isPast=${isPast} />
        <${Slider} seq=${seq} last=${last} isLive=${isLive} connection=${connection} event=${events[seq - 1]} onSeek=${seek}
          onLive=${live} />
        <${Timeline} attempts=${run.attempts} version=${run.version} seq=${seq} last=${last} isPast=${isPast}
          now=${ticking ? now : null} ended=${execution.ended_at}
          selected=${task} onSeek=${seek} onPick=${pick} />
      </div>
      <${Panel} tab=${here} onTab=${(name) => show({ tab: name })} execution=${execution} events=${events} version=${run.version}
        seq=${seq} isLive=${isLive}
        known=${known} task=${task} onPick=${pick} onSeek=${seek} />
    </div>
  </div>`;
}

function Head({ execution, connection, now, isPast, status, events, parts }) {
  const { execution_id: id, started_at: started, ended_at: ended } = execution;
  const removed = useMemo(() => removedIn(events), [events.length]);
  const took = started ? duration(Math.max(0, (ended ? Date.parse(ended) : now) - Date.parse(started))) : null;
  return html`<div class="run-head">
    <div class="run-title">
      <h1>${nameOf(execution.flow_name, execution.flow_id)}</h1>
      <span aria-live="polite"><${Status} status=${isPast && status ? status : execution.status} /></span>
      ${removed && html`<span class="role">removed from the lists</span>`}
      ${isPast && html`<span class="muted">then; ${execution.status} now</span>`}
    </div>
    <${Relations} events=${events} parts=${parts} id=${id} />
    <div class="run-facts">
      <a href=${linkTo(id)}><code>${id}</code></a>
      <${CopyMenu} id=${id} />
      <span class="muted"><time datetime=${execution.created_at}
        title=${moment(execution.created_at)}>${ago(execution.created_at, now)}</time>${took && html` · ${took}`}</span>
      <${Connection} state=${connection} />
    </div>
    ${removed && html`<p class="run-removed muted">Removed ${removalOf(removed)}</p>`}
  </div>`;
}

function removalOf({ at, data }) {
  const by = data.actor ? ` by ${data.actor}` : "";
  return html`<time datetime=${at} title=${moment(at)}>${ago(at)}</time>${by}${data.reason && html`: ${data.reason}`}`;
}
