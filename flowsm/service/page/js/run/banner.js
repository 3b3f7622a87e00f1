// Why it stands where it stands, in sentences; and where one is, when that is not now.

import { useNow } from "../hooks.js";
import { html } from "../lib.js";
import { Mark } from "../marks.js";
import { duration, moment, near, sentence, short } from "../text.js";

const SHOWN = { failed: "failed", waiting: "waiting", paused: "paused", cancelled: "cancelled", created: "created" };
const ERROR_CHARS = 300;
const DUE = /^attempt \d+ of task .* is due at /;
const AFTER = /(?<=\bafter )(\d[\d,]*) s\b/g;
// A moment, and how far it was from the one at which it was said.
const MOMENT = /(until |)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)(, in [\d,]+ s|, which is [\d,]+ s ago| at most|)/;
const CODE = /`([^`]+)`/;
const AT_MOST = " at most";
const MOMENT_PIECES = 4;
const SECOND_MS = 1000;
const FEW_SECONDS = 100; // that can be imagined

// What was explained a moment ago is shown until there is more, as long as it is true.
const isTrue = (explain, seq, isPast, status) => explain && (explain.seq === seq || (!isPast && explain.status === status));

export function Banner({ explain, status, seq, isPast, event, onLive, onPick, onTab }) {
  return html`${isPast && event && html`<div class="banner is-past">
      <span>You look at event <b>${seq}</b>, <code>${event.type}</code>, of <time
        datetime=${event.at}>${near(event.at)}</time>: the past.</span>
      <button type="button" onClick=${onLive}>Back to live</button>
    </div>`}
    ${isTrue(explain, seq, isPast, status) && html`<${Why} explain=${explain} isPast=${isPast} onPick=${onPick} onTab=${onTab} />`}`;
}

function Why({ explain, isPast, onPick, onTab }) {
  const { status, headline, waits_for: waits = [], attempts = [] } = explain;
  const isStuck = status === "running" && waits.some((one) => /holds no lease|nobody has it|no code|held back/.test(one));
  const isPausing = status === "running" && waits.some((one) => one.startsWith("it was paused"));
  const isDue = waits.some((one) => DUE.test(one));
  const look = SHOWN[status] ?? (isPausing ? "paused" : isStuck || isDue ? "waiting" : null);
  if (!look) return null;
  const failed = attempts.at(-1);
  return html`<div class=${`banner is-${look}`} role=${look === "failed" ? "alert" : "status"}>
    <${Mark} status=${look} />
    <div>
      <b>${timed(sentence(short(isPausing ? `${headline}, and will pause after this task` : headline, ERROR_CHARS)), isPast)}</b>
      ${waits.map((one) => html`<p key=${one}>${timed(sentence(one), isPast)}</p>`)}
      ${status === "failed" && failed && html`<p>
        <button type="button" class="link" onClick=${() => { onPick(failed.task); onTab("error"); }}>Look at the error</button>
      </p>`}
      ${explain.child && html`<p>It came from <a href=${`#/flow/${encodeURIComponent(explain.child)}`}>${explain.child}</a>.</p>`}
      ${explain.parent && html`<p>A part of <a href=${`#/flow/${encodeURIComponent(explain.parent)}`}>${explain.parent}</a>.</p>`}
    </div>
  </div>`;
}

// The same text, with its moments as this page writes them, and how far off one is now that was to come, unless that is past.
function timed(text, isPast) {
  const pieces = text.replace(AFTER, (whole, seconds) => spanOf(Number(seconds.replaceAll(",", "")))).split(MOMENT);
  return pieces.map((piece, index) => {
    if (index % MOMENT_PIECES === 0) return piece.split(CODE).map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
    if (index % MOMENT_PIECES !== 2) return null;
    const [before, after] = [pieces[index - 1], pieces[index + 1]];
    return html`${before}<time datetime=${piece} title=${moment(piece)}>${near(piece)}</time>${after === AT_MOST && after}${(before ||
      after) && !isPast && html`<${Off} at=${Date.parse(piece)} passed=${after === AT_MOST ? "which passed " : ""} />`}`;
  });
}

// It is not read aloud: the moment itself is, once.
function Off({ at, passed }) {
  const seconds = Math.round((at - useNow(SECOND_MS)) / SECOND_MS);
  const span = spanOf(Math.abs(seconds));
  return html`<span class="off" aria-hidden="true">${seconds >= 0 ? `, in ${span}` : `, ${passed}${span} ago`}</span>`;
}

const spanOf = (seconds) => (seconds < FEW_SECONDS ? `${seconds} s` : duration(seconds * SECOND_MS));
