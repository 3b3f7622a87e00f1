// The events, of which those in sight are drawn: a list of ten thousand scrolls like one of ten.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { Json } from "../json.js";
import { clock, short } from "../text.js";

const ROW = 30;
const MORE = 12;

export function Events({ events, seq, isLive, onSeek }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 400));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    const [from, to] = [(seq - 1) * ROW, seq * ROW];
    if (isLive) element.scrollTop = events.length * ROW;
    else if (from < top) element.scrollTop = from;
    else if (to > top + height) element.scrollTop = to - height;
  }, [seq, isLive, events.length > 0]);
  const first = Math.max(0, Math.floor(top / ROW) - MORE);
  const shown = events.slice(first, Math.ceil((top + height) / ROW) + MORE);
  const event = events[seq - 1];
  return html`<div class="events">
    <div class="events-box" ref=${box} onScroll=${(scroll) => setTop(scroll.target.scrollTop)} tabindex="0" role="listbox"
      aria-label="Events"
        aria-activedescendant=${event ? `event-${seq}` : undefined}>
      <div role="presentation" style=${{ height: `${events.length * ROW}px` }}>
        <div role="presentation" style=${{ transform: `translateY(${first * ROW}px)` }}>
          ${shown.map((one, index) => html`<div key=${index} id=${`event-${one.seq}`} role="option"
            aria-selected=${one.seq === seq ? "true" : "false"}
            class=${`event ${one.seq > seq ? "is-future" : ""}`} onClick=${() => onSeek(one.seq)}>
            <span class="event-seq">${one.seq}</span><span class=${`event-type is-${kindOf(one)}`}>${one.type}</span>
            <span class="event-about">${short(about(one), 90)}</span><time datetime=${one.at}>${clock(one.at)}</time>
          </div>`)}
        </div>
      </div>
    </div>
    ${event && html`<div class="event-detail" tabindex="0" role="group" aria-label=${`Event ${seq}`}>
      <${Json} key=${seq} value=${event.data} label=${`event ${seq}`} /></div>`}
  </div>`;
}

function kindOf({ type, data }) {
  if (type === "execution.failed" || type === "task.timed_out" || data.status === "failure") return "failed";
  if (type === "execution.completed" || data.status === "success") return "completed";
  if (type === "task.interrupted" || type === "resolution.awaited") return "interrupted";
  if (type.startsWith("wait.") || type === "retry.scheduled") return "waiting";
  return "plain";
}

function about({ type, data }) {
  if (type === "transition.taken") return `${data.source} → ${data.target}${data.outcome ? ` on ${data.outcome}` : ""}`;
  if (type === "signal.received") return `${data.name}${data.outcome ? `: ${data.outcome}` : ""}${data.actor ? ` by ${data.actor}` : ""}`;
  if (type === "retry.scheduled") return `${data.task}, attempt ${data.attempt} in ${data.delay_seconds.toFixed(2)} s`;
  if (type === "wait.started") {
    const what = data.signal ? ` for signal ${data.signal}` : data.child ? ` for execution ${data.child}` : "";
    return data.task + what;
  }
  if (data.task) {
    const place = [data.task, data.attempt > 1 && `attempt ${data.attempt}`, data.visit > 1 && `visit ${data.visit}`];
    return place.filter(Boolean).join(", ") + (data.outcome ? `: ${data.outcome}` : "") + (data.message ? ` (${data.message})` : "");
  }
  return data.error?.message ?? data.reason ?? data.flow_name ?? data.worker ?? "";
}
