// How times, durations and counts are written.

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const YEAR = 365.2425 * 86_400;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const COUNT = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const count = (number) => COUNT.format(number);
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

export function ago(text, now = Date.now()) {
  const seconds = (Date.parse(text) - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return "now";
}

export function clock(text) {
  const milliseconds = (text.match(/\.(\d{3})/) ?? ["", "000"])[1];
  return `${CLOCK.format(new Date(text))}.${milliseconds}`;
}

export const moment = (text) => `${DAY.format(new Date(text))}, ${clock(text)}`;

// The clock's time; that of another day has its day.
export const near = (text) => (DAY.format(new Date(text)) === DAY.format(new Date()) ? clock(text) : moment(text));

export function duration(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  if (seconds >= 2 * YEAR) return `${count(Math.floor(seconds / YEAR))} years`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;

const TURNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// Characters that turn the direction of what stands after them, as JSON writes them.
export const unturned = (text) => text.replace(TURNS, (one) => `\\u${one.charCodeAt(0).toString(16)}`);

const SEEN = /[^\s\p{Cc}\p{Cf}\p{Z}\u115f\u1160\u2800\u3164\uffa0]/u;

// A flow's name, or its id where there is nothing to be seen of the name.
export const nameOf = (name, id) => (SEEN.test(name) ? name : id);

export const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
