// What a status looks like: a colour, and a shape of its own, so that nobody depends on the colour.

import { html } from "./lib.js";

const SHAPES = {
  created: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11",
  running: "M4.5 2.8v10.4L13 8z",
  waiting: "M4 2h8M4 14h8M5 2v2.5L8 8l3-3.500V2M5 14v-2.500L8 8l3 3.500V14",
  paused: "M5.500 3v10M10.500 3v10",
  completed: "M3 8.500l3.500 3.500L13 4.500",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.500a5.500 5.500 0 1 1 0 11a5.500 5.500 0 1 1 0-11M4.200 4.200l7.600 7.600",
  skipped: "M3 4l4 4-4 4M8.500 4l4 4-4 4",
  interrupted: "M9 1.500L4 9h4l-1 5.500L12 7H8z",
  timed_out: "M8 2.500a5.500 5.500 0 1 1 0 11a5.500 5.500 0 1 1 0-11M8 5v3.200l2.200 1.600",
  never: "M5 8h6",
};
const SAME = { success: "completed", failure: "failed", current: "running" };

export const lookOf = (status) => SAME[status] ?? (status in SHAPES ? status : "never");

export function Mark({ status, size = 16 }) {
  const look = lookOf(status);
  return html`<svg class=${`mark is-${look}`} viewBox="0 0 16 16" width=${size} height=${size} aria-hidden="true">
    <path d=${SHAPES[look]} />
  </svg>`;
}

export function Status({ status }) {
  return html`<span class=${`status is-${lookOf(status)}`}><${Mark} status=${status}
    size="13" />${String(status).replace("_", " ")}</span>`;
}

const ICONS = {
  search: "M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 1 1 0-9M10.500 10.500L14 14",
  copy: "M5.500 5.500h8v8h-8zM3 10.500H2.500v-8h8V3",
  sun: "M8 5a3 3 0 1 1 0 6a3 3 0 1 1 0-6M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.500A5.500 5.500 0 0 1 6.500 3A5.500 5.500 0 1 0 13 9.500z",
  auto: "M8 2.500a5.500 5.500 0 1 1 0 11zM8 2.500a5.500 5.500 0 1 0 0 11",
  back: "M10 3L5 8l5 5",
  next: "M6 3l5 5-5 5",
  first: "M4 3v10M12 3L7 8l5 5",
  last: "M12 3v10M4 3l5 5-5 5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  help: "M5.500 6a2.500 2.500 0 1 1 3.500 2.300c-.7.4-1 .8-1 1.700M8 12.700v.3",
  close: "M4 4l8 8M12 4l-8 8",
  upload: "M8 11V3M4.500 6L8 2.500L11.500 6M2.500 11v2.500h11V11",
};

export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width=${size} height=${size} aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}
