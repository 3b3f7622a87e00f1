// The place in the history: any event, or live.

import { html } from "../lib.js";
import { Icon } from "../marks.js";
import { count, near } from "../text.js";

export function Slider({ seq, last, isLive, connection, event, onSeek, onLive }) {
  const said = event ? `event ${seq} of ${last}, ${event.type}, ${near(event.at)}` : "no event yet";
  const step = (to, icon, label, isOff) => html`<button type="button" class="quiet" disabled=${isOff} onClick=${() => onSeek(to)}
    aria-label=${label} title=${label}><${Icon} name=${icon} size="14" /></button>`;
  return html`<section class="card slider" aria-label="Place in the history">
    <div class="slider-row">
      ${step(1, "first", "First event (Home)", seq <= 1)}
      ${step(seq - 1, "back", "One event back (←)", seq <= 1)}
      <input type="range" min="1" max=${Math.max(last, 1)} value=${seq} aria-label="Event" aria-valuetext=${said}
        onInput=${(change) => onSeek(Number(change.target.value))} />
      ${step(seq + 1, "next", "One event on (→)", seq >= last)}
      ${step(last, "last", "Last event (End)", seq >= last)}
      <button type="button" class=${`live-button ${isLive ? "is-on" : ""}`} aria-pressed=${isLive ? "true" : "false"} onClick=${onLive}
        title="Follow what happens (L)">
        <span class=${`dot is-${connection}`} aria-hidden="true"></span>Live</button>
    </div>
    <p class="slider-said"><b>${count(seq)}</b> of ${count(last)}${event && html` · <code>${event.type}</code> · <time
      datetime=${event.at}>${near(event.at)}</time>`}</p>
  </section>`;
}
