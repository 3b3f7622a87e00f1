// Why it stands where it stands, in sentences; and where one is, when that is not now.

import { html } from "../lib.js";
import { Mark } from "../marks.js";
import { duration, moment, near, sentence, short } from "../text.js";

const SHOWN = { failed: "failed", waiting: "waiting", paused: "paused", cancelled: "cancelled", created: "created" };
const ERROR_CHARS = 300;
const DUE = /^attempt \d+ of task .* is due at /;
const SECONDS = /(?<=\b(?:in|is|after) )(\d[\d,]*) s\b/g;
const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

// What was explained a moment ago is shown until there is more, as long as it is true.
const isTrue = (explain, seq, isPast, status) => explain && (explain.seq === seq || (!isPast && explain.status === status));

export function Banner({ explain, status, seq, isPast, event, onLive, onPick, onTab }) {
  return html`${isPast && event && html`<div class="banner is-past">
      <span>You look at event <b>${seq}</b>, <code>${event.type}</code>, of <time
        datetime=${event.at}>${near(event.at)}</time>: the past.</span>
      <button type="button" onClick=${onLive}>Back to live</button>
    </div>`}
    ${isTrue(explain, seq, isPast, status) && html`<${Why} explain=${explain} onPick=${onPick} onTab=${onTab} />`}`;
}

function Why({ explain, onPick, onTab }) {
  const { status, headline, waits_for: waits = [], attempts = [] } = explain;
  const isStuck = status === "running" && waits.some((one) => /holds no lease|nobody has it|no code|held back/.test(one));
  const isPausing = status === "running" && waits.some((one) => one.startsWith("it was paused"));
  const isDue = waits.some((one) => DUE.test(one));
  const look = SHOWN[status] ?? (isPausing ? "paused" : isStuck || isDue ? "waiting" : null);
  if (!look) return null;
  const failed = attempts.at(-1);
  const said = headline.replace(/^(it was cancelled .*): cancelled$/, "$1");
  return html`<div class=${`banner is-${look}`} role=${look === "failed" ? "alert" : "status"}>
    <${Mark} status=${look} />
    <div>
      <b>${timed(sentence(short(isPausing ? `${headline}, and will pause after this task` : said, ERROR_CHARS)))}</b>
      ${waits.map((one) => html`<p key=${one}>${timed(sentence(one))}</p>`)}
      ${status === "failed" && failed && html`<p>
        <button type="button" class="link" onClick=${() => { onPick(failed.task); onTab("error"); }}>Look at the error</button>
      </p>`}
      ${explain.child && html`<p>It came from <a href=${`#/flow/${encodeURIComponent(explain.child)}`}>${explain.child}</a>.</p>`}
      ${explain.parent && html`<p>A part of <a href=${`#/flow/${encodeURIComponent(explain.parent)}`}>${explain.parent}</a>.</p>`}
    </div>
  </div>`;
}

// Seconds that are too many to be imagined.
const told = (whole, seconds) => (Number(seconds.replaceAll(",", "")) < 100 ? whole : duration(Number(seconds.replaceAll(",", "")) * 1000));

// The same text, with its moments as this page writes them.
function timed(text) {
  return text.replace(SECONDS, told).split(MOMENT).map((piece, index) => (index % 2 ? html`<time datetime=${piece}
    title=${moment(piece)}>${near(piece)}</time>` : piece));
}
