// Why it stands where it stands, in sentences; and where one is, when that is not now.

import { html } from "../lib.js";
import { Mark } from "../marks.js";
import { clock, short } from "../text.js";

const SHOWN = { failed: "failed", waiting: "waiting", paused: "paused", cancelled: "cancelled", created: "created" };
const ERROR_CHARS = 600;

export function Banner({ explain, seq, isPast, event, onLive, onPick, onTab }) {
  return html`${isPast && event && html`<div class="banner is-past">
      <span>You look at event <b>${seq}</b>, <code>${event.type}</code>, of <time datetime=${event.at}>${clock(event.at)}</time>: the past.</span>
      <button type="button" onClick=${onLive}>Back to live</button>
    </div>`}
    ${explain && html`<${Why} explain=${explain} onPick=${onPick} onTab=${onTab} />`}`;
}

function Why({ explain, onPick, onTab }) {
  const { status, headline, waits_for: waits = [], attempts = [] } = explain;
  const isStuck = status === "running" && waits.some((one) => /holds no lease|nobody has it|no code|held back/.test(one));
  const look = SHOWN[status] ?? (isStuck ? "waiting" : null);
  if (!look) return null;
  const failed = attempts.at(-1);
  return html`<div class=${`banner is-${look}`} role=${look === "failed" ? "alert" : "status"}>
    <${Mark} status=${look} />
    <div>
      <b>${sentence(short(headline, ERROR_CHARS))}</b>
      ${waits.map((one) => html`<p key=${one}>${sentence(one)}</p>`)}
      ${status === "failed" && failed && html`<p>
        ${attempts.length > 1 && html`${attempts.length} attempts were made. `}
        <button type="button" class="link" onClick=${() => { onPick(failed.task); onTab("error"); }}>Look at the error</button>
      </p>`}
      ${explain.child && html`<p>It came from <a href=${`#/flow/${encodeURIComponent(explain.child)}`}>${explain.child}</a>.</p>`}
      ${explain.parent && html`<p>A part of <a href=${`#/flow/${encodeURIComponent(explain.parent)}`}>${explain.parent}</a>.</p>`}
    </div>
  </div>`;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
