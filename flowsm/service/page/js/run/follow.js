// An execution as it is recorded: its events, as they come, and what the service knows of it at each of them.

import { NOT_FOUND, ask, part } from "../api.js";
import { cacheOf, useLatest, useThrottled } from "../hooks.js";
import { useEffect, useRef, useState } from "../lib.js";
import { follow } from "../stream.js";
import { Attempts } from "./attempts.js";

const REFRESH_MS = 200;
const DRAW_MS = 50;
const SETTLED_MS = 250;
const CACHED_MOMENTS = 400;

// `events` is one array that grows; `version` tells that it did. When the execution is there again after it was not,
// `onAgain` is called: it may be another one of that id.
export function useExecution(id, onAgain) {
  const [execution, setExecution] = useState(null);
  const [problem, setProblem] = useState(null);
  const [connection, setConnection] = useState("away");
  const [version, setVersion] = useState(0);
  const kept = useRef({ events: [], attempts: new Attempts() });
  const isLive = useRef(false);
  const isGone = useRef(false);

  function fail(found) {
    isGone.current = found.status === NOT_FOUND;
    setProblem(found);
  }

  function take(events) {
    const { events: known, attempts } = kept.current;
    for (const event of events) {
      if (event.seq !== known.length + 1) continue;
      known.push(event);
      attempts.add(event);
    }
    draw();
  }

  // While the stream is cut off: the events that came since, so that all parts of the page tell of one moment.
  async function catchUp() {
    const { items } = await ask(`flow/${part(id)}/events?after=${kept.current.events.length}`);
    if (!isLive.current) take(items);
  }

  async function load() {
    try {
      const found = await ask(`flow/${part(id)}`);
      if (isGone.current) onAgain();
      setExecution(found);
      setProblem(null);
      if (!isLive.current && found.seq > kept.current.events.length) await catchUp();
    } catch (error) {
      fail(error);
    }
  }

  async function look(after, signal) {
    const { items, after: next } = await ask(`flow/${part(id)}/events?after=${after}`, { signal });
    return { events: items, last: items.at(-1)?.seq ?? after, isMore: next !== null };
  }

  const refresh = useThrottled(load, REFRESH_MS);
  const draw = useThrottled(() => setVersion((before) => before + 1), DRAW_MS);
  useEffect(() => {
    refresh();
    return follow(`flow/${part(id)}/events/stream`, {
      after: 0,
      look,
      onEvents(events) {
        take(events);
        refresh();
      },
      onState(state) {
        setConnection(state);
        if (isGone.current && state !== "away") onAgain();
        isLive.current = state === "live";
        if (state === "live") refresh();
      },
      onProblem: fail,
    });
  }, [id]);
  return { execution, problem, connection, version, refresh, ...kept.current };
}

// What the service says of the moment after an event. What it says never changes, but for what an execution waits for.
export function useMoment(id, seq, isStateWanted) {
  const loaders = useRef(null);
  loaders.current ??= {
    graph: cacheOf(CACHED_MOMENTS, (at) => ask(`flow/${part(id)}/graph?seq=${at}`)),
    state: cacheOf(30, (at) => ask(`flow/${part(id)}/state?at=${at}`)),
    diff: cacheOf(100, (at) => ask(`flow/${part(id)}/diff?first=${Math.max(0, at - 1)}&second=${at}`)),
    explain: (at) => ask(`flow/${part(id)}/explain?seq=${at}`),
  };
  const key = seq > 0 ? seq : null;
  const graph = useLatest(key, loaders.current.graph);
  const explain = useLatest(key, loaders.current.explain, SETTLED_MS);
  const state = useLatest(isStateWanted ? key : null, loaders.current.state);
  const diff = useLatest(isStateWanted ? key : null, loaders.current.diff);
  return { graph: graph.value, explain: explain.value, state: state.value, diff: diff.value, problem: graph.problem };
}
