// Bars for the timeline, from events: an attempt each, with what it waited for. What an execution *is*, the service
// tells; this only says when which event was.

const ENDS = new Set(["task.completed", "task.timed_out", "task.interrupted"]);

const OVER = new Set(["execution.completed", "execution.failed", "execution.cancelled"]);

export class Attempts {
  constructor() {
    this.bars = [];
    this.marks = [];
    this.parts = [];
    this._open = null;
  }

  // Take one event more.
  add({ seq, type, at, data }) {
    const time = Date.parse(at);
    const open = this._open;
    if (type === "task.started") {
      this._end(time, seq);
      this._open = {
        task: data.task, visit: data.visit, attempt: data.attempt, seq, start: time, end: null, endSeq: null,
        status: "running", outcome: null, error: null, waits: [], duration: null,
      };
      this.bars.push(this._open);
    } else if (type === "task.skipped") {
      this.bars.push({
        task: data.task, visit: data.visit, attempt: 0, seq, start: time, end: time, endSeq: seq,
        status: "skipped", outcome: "skipped", error: null, waits: [], duration: 0,
      });
    } else if (open && ENDS.has(type)) {
      open.status = { "task.timed_out": "timed_out", "task.interrupted": "interrupted" }[type] ?? data.status;
      open.outcome = data.outcome ?? null;
      open.error = data.error ?? null;
      open.duration = data.duration_us === undefined ? null : data.duration_us / 1000;
      open.end = time;
      open.endSeq = seq;
    } else if (open && (type === "wait.started" || type === "resolution.awaited")) {
      if (data.child) this.parts.push({ task: data.task, child: data.child });
      open.waits.push({ start: time, seq, end: null, endSeq: null, what: waitedFor(type, data) });
    } else if (open && (type === "wait.ended" || type === "resolution.given")) {
      const wait = open.waits.at(-1);
      if (wait) Object.assign(wait, { end: time, endSeq: seq });
    } else if (type.startsWith("execution.") || type === "signal.received") {
      this.marks.push({ seq, time, type, name: data.name ?? "" });
      if (OVER.has(type)) this._end(time, seq);
    }
  }

  // An attempt that nothing ended before something else began: its end was not recorded.
  _end(time, seq) {
    if (this._open && this._open.end === null) Object.assign(this._open, { end: time, endSeq: seq, status: "interrupted" });
    this._open = null;
  }
}

function waitedFor(type, data) {
  if (type === "resolution.awaited") return "somebody's word";
  if (data.signal) return `signal ${data.signal}`;
  return data.child ? `execution ${data.child}` : "its time";
}

// What a bar was at the event `seq`.
export function statusAt(bar, seq) {
  if (bar.endSeq !== null && bar.endSeq <= seq) return bar.status;
  const isWaiting = bar.waits.some((wait) => wait.seq <= seq && (wait.endSeq === null || wait.endSeq > seq));
  return isWaiting ? "waiting" : "running";
}
