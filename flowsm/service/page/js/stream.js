// Server-sent events, read with fetch: so a token can be shown, and a stream goes on where it was cut off.

import { NOT_FOUND, UNAUTHORIZED, headersWith, problemIn, urlOf } from "./api.js";
import { parse } from "./numbers.js";
import { inPlace } from "./places.js";

const SILENCE_MS = 60_000;
const RETRY_MS = 500;
const RETRY_MOST_MS = 10_000;
const ASK_MS = 1000;
const PASSING = [UNAUTHORIZED, 429];

// Tell `onEvents` of whatever comes, in lists, until `stop` is called. While nobody sees the page nothing is read:
// browsers allow few connections to one service, and other windows of it need theirs. Where these have taken all
// places for streams, `look(last, signal)` is asked every second: it gives { events, last, isMore }.
export function follow(path, { after = null, look, onEvents, onState = () => {}, onProblem = () => {} }) {
  let last = after;
  let control = null;
  let isOver = false;
  let delay = RETRY_MS;
  let timer = 0;
  let isReading = false;

  async function read() {
    isReading = true;
    control = new AbortController();
    const mine = control;
    let pause = null;
    let isRefused = false;
    try {
      if (!(await inPlace(() => stream(mine)))) pause = await lookOnce(mine);
    } catch (problem) {
      if (problem.status >= 400 && problem.status < 500 && !PASSING.includes(problem.status)) {
        if (problem.status !== NOT_FOUND) stop(); // else it may be another log's answer, in the place of the right one's
        onProblem(problem);
      }
      // else it was cut off, or the service is away: again
      isRefused = problem.status === UNAUTHORIZED;
    }
    isReading = false;
    if (isOver || document.hidden) return;
    if (pause === null) {
      onState("away");
      if (isRefused) return; // again with another token
      pause = delay;
      delay = Math.min(delay * 2, RETRY_MOST_MS);
    }
    timer = setTimeout(read, pause);
  }

  async function stream(mine) {
    if (mine.signal.aborted) return;
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => mine.abort(), SILENCE_MS);
    };
    try {
      heard();
      const headers = headersWith({ Accept: "text/event-stream" });
      if (last !== null) headers["Last-Event-ID"] = String(last);
      const answer = await fetch(urlOf(path), { headers, signal: mine.signal, cache: "no-store" });
      if (!answer.ok) throw await problemIn(answer);
      onState("live");
      delay = RETRY_MS;
      await take(answer.body.pipeThrough(new TextDecoderStream()).getReader(), heard);
    } finally {
      clearTimeout(silence);
    }
  }

  // For how long to pause then, in milliseconds.
  async function lookOnce(mine) {
    const found = await look(last, mine.signal);
    last = found.last;
    if (isOver) return null;
    onState("often");
    delay = RETRY_MS;
    if (found.events.length) onEvents(found.events);
    return found.isMore ? 0 : ASK_MS;
  }

  async function take(reader, heard) {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      const events = [];
      for (const frame of frames) {
        const event = eventIn(frame);
        if (event === null) continue;
        last = event.id;
        events.push(event.value);
      }
      if (events.length && !isOver) onEvents(events);
    }
  }

  function seen() {
    clearTimeout(timer);
    if (document.hidden) {
      control?.abort();
    } else {
      delay = RETRY_MS;
      if (!isReading) read();
    }
  }

  function stop() {
    isOver = true;
    clearTimeout(timer);
    control?.abort();
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("flowsm-token", seen);
  }

  document.addEventListener("visibilitychange", seen);
  window.addEventListener("flowsm-token", seen);
  if (!document.hidden) read();
  return stop;
}

// The event that a frame holds; null for comments, and for what only the stream itself says.
function eventIn(frame) {
  let id = null;
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("data: ")) data += line.slice(6);
    else if (line.startsWith("event: ")) return null;
  }
  return id === null ? null : { id, value: parse(data) };
}
