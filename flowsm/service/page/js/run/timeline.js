// A bar for each attempt, in the row of its task. What comes after the event that is looked at is grey.

import { fitting } from "../fitting.js";
import { useSize } from "../hooks.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { lookOf } from "../marks.js";
import { clock, duration, plural, short, unturned } from "../text.js";
import { statusAt } from "./attempts.js";

const ROW = 24;
const BAR = 14;
const LEAST = 4;
const TICKS = 4;
const END = 30; // room for half a label
const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000];

export function Timeline({ attempts, seq, last, isPast, now, ended, selected, onSeek, onPick }) {
  const box = useRef(null);
  const [isEven, setEven] = useState(false);
  const { width } = useSize(box);
  const bars = attempts.bars;
  const first = attempts.marks[0]?.time ?? bars[0]?.start ?? 0;
  const lastBar = bars.at(-1);
  const recorded = Math.max(first, attempts.marks.at(-1)?.time ?? 0, lastBar?.end ?? lastBar?.start ?? 0);
  const upto = Math.max(first + 1, recorded, now ?? 0, ended ? Date.parse(ended) : 0);
  const left = width < 480 ? 88 : 158;
  const room = Math.max(60, width - left - 14);
  const x = isEven
    ? (time, at) => left + (((at ?? last + 1) - 1) / Math.max(1, last)) * room
    : (time) => left + (((time ?? upto) - first) / (upto - first)) * room;
  const tasks = [...new Set(bars.map((bar) => bar.task))];
  const height = tasks.length * ROW + 22;
  const row = tasks.indexOf(bars.findLast((bar) => bar.seq <= seq)?.task);
  useEffect(() => {
    const [element, top] = [box.current, row * ROW];
    if (top < element.scrollTop || top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top - element.clientHeight / 2;
  }, [row]);
  return html`<section class="card timeline" aria-label="Timeline">
    <header><h2>Timeline</h2><label class="check muted" title="As much room for every event, however long it took">
      <input type="checkbox" checked=${isEven} onChange=${() => setEven(!isEven)} />by events</label>
      <span class="muted">${plural(bars.length, "attempt")} in ${duration(upto - first)}</span></header>
    <div class="timeline-box" ref=${box} tabindex="0" role="group" aria-label="Attempts by task; scrolls">
      ${width > 0 && bars.length > 0 && html`<svg width=${width} height=${height} role="group" aria-label="Attempts by task">
        ${isEven ? html`<${Axis} ticks=${steps(last).map((one) => [x(0, one + 1), one ? String(one) : "0"])} height=${height}
          width=${width} />`
          : html`<${Axis} ticks=${ticksIn(upto - first).map((ms) => [x(first + ms), ms ? `+${brief(ms)}` : "0"])} height=${height}
          width=${width} />`}
        ${tasks.map((task, index) => html`<${Row} key=${task} task=${task} y=${index * ROW} width=${width} left=${left}
          isSelected=${task === selected}
          bars=${merged(bars.filter((bar) => bar.task === task), x, seq)} x=${x} seq=${seq} onSeek=${onSeek} onPick=${onPick} />`)}
        ${isPast && html`<${Now} at=${x(timeOf(attempts, seq) ?? first, seq)} height=${height} />`}
      </svg>`}
      ${!bars.length && html`<p class="empty">No task has begun.</p>`}
    </div>
  </section>`;
}

const Now = ({ at, height }) => html`<line class="now" x1=${at} x2=${at} y1="0" y2=${height - 18} />`;

// When the event was recorded that is looked at, as far as bars and marks tell.
function timeOf({ bars, marks }, seq) {
  let found = null;
  const see = (at, time) => {
    if (at !== null && at <= seq && (found === null || at >= found.at)) found = { at, time };
  };
  for (const bar of bars) {
    see(bar.seq, bar.start);
    see(bar.endSeq, bar.end);
    for (const wait of bar.waits) {
      see(wait.seq, wait.start);
      see(wait.endSeq, wait.end);
    }
  }
  for (const mark of marks) see(mark.seq, mark.time);
  return found?.time ?? null;
}

// Bars of one look that would lie on one another are one: ten thousand attempts are as many pixels at the most.
function merged(bars, x, seq) {
  const drawn = [];
  for (const bar of bars) {
    const from = x(bar.start, bar.seq);
    const to = Math.max(from + LEAST, x(bar.end, bar.endSeq));
    const look = bar.seq > seq ? "future" : lookOf(statusAt(bar, seq));
    const before = drawn.at(-1);
    if (before && before.look === look && from < before.to - LEAST / 2 && to - from <= LEAST) {
      before.to = Math.max(before.to, to);
      before.bars += 1;
      before.bar = bar;
    } else {
      drawn.push({ bar, from, to, look, bars: 1 });
    }
  }
  return drawn;
}

function Row({ task, y, width, left, bars, isSelected, x, seq, onSeek, onPick }) {
  const pressed = (event, act) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  };
  const pick = () => onPick(isSelected ? null : task);
  const name = unturned(task);
  return html`<g class=${`line ${isSelected ? "is-selected" : ""}`} transform=${`translate(0 ${y})`}>
    <rect class="line-back" width=${width} height=${ROW} />
    <g class="line-name" role="button" tabindex="0" aria-pressed=${isSelected ? "true" : "false"} aria-label=${`Task ${name}`}
      onClick=${pick} onKeyDown=${(event) => pressed(event, pick)}>
      <rect class="line-hit" width=${left - 6} height=${ROW} /><title>${name}</title>
      <text x="6" y="16">${fitting(name, left - 18, "400 12px")}</text></g>
    ${bars.map(({ bar, from, to, look, bars: number }, index) => html`<g key=${index} class=${`bar is-${look}`} data-look=${look}
      onClick=${() => { onPick(task); onSeek(bar.endSeq ?? bar.seq); }}>
      <title>${told(bar, number)}</title>
      <rect x=${from} y=${(ROW - BAR) / 2} width=${to - from} height=${BAR} rx="3" />
      ${look !== "future" && number === 1 && bar.waits.filter((wait) => wait.seq <= seq).map((wait) => html`<rect key=${wait.seq}
        class="bar-wait" x=${x(wait.start, wait.seq)} y=${(ROW - BAR) / 2 + 4}
        width=${Math.max(0, x(wait.end, wait.endSeq) - x(wait.start, wait.seq))} height=${BAR - 8} />`)}
    </g>`)}
  </g>`;
}

function told(bar, number) {
  const took = bar.end === null ? "not ended" : duration(bar.duration ?? bar.end - bar.start);
  const more = number > 1 ? `, one of ${number} here` : "";
  const from = clock(new Date(bar.start).toISOString());
  const failure = bar.error ? `\n${bar.error.type}: ${short(bar.error.message, 200)}` : "";
  const which = `${bar.task}, visit ${bar.visit}, attempt ${bar.attempt}`;
  return unturned(`${which}: ${bar.outcome ?? bar.status}, ${took}, from ${from}${more}${failure}`);
}

function Axis({ ticks, height, width }) {
  return html`<g class="axis">${ticks.map(([place, text]) => html`<g key=${text}>
    <line x1=${place} x2=${place} y1="0" y2=${height - 18} /><text x=${place} y=${height - 5}
      style=${place > width - END ? { textAnchor: "end" } : undefined}>${text}</text></g>`)}</g>`;
}

function ticksIn(span) {
  const step = NICE.find((one) => span / one <= TICKS) ?? Math.ceil(span / TICKS / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}

function steps(last) {
  const step = Math.max(1, Math.ceil(last / TICKS / 5) * 5);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}

function brief(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${ms / 1000} s`;
  if (ms < 3_600_000) return `${ms / 60_000} min`;
  return ms < 86_400_000 ? `${ms / 3_600_000} h` : `${ms / 86_400_000} d`;
}
