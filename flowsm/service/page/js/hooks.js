// Ways to keep what was asked for, and to be called at the right time.

import { useCallback, useEffect, useRef, useState } from "./lib.js";

const AGAIN_MS = 3000;

// The answer for the latest key; while it is fetched, the one before. One question at a time: a slider that runs over
// a thousand places asks for those it can get, and for the last. A key of null asks for nothing.
export function useLatest(key, load, pause = 0) {
  const [found, setFound] = useState({ key: null, value: null, problem: null });
  const wanted = useRef(key);
  const isBusy = useRef(false);
  const timer = useRef(0);
  wanted.current = key;

  const wait = (ms) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(next, ms);
  };
  async function next() {
    if (isBusy.current) return;
    isBusy.current = true;
    for (let asked = null; wanted.current !== null && asked !== wanted.current;) {
      asked = wanted.current;
      try {
        const value = await load(asked);
        setFound({ key: asked, value, problem: null });
      } catch (problem) {
        setFound((before) => ({ ...before, key: asked, problem }));
        if (wanted.current !== null && (!problem.status || problem.status >= 500)) wait(AGAIN_MS);
      }
    }
    isBusy.current = false;
  }

  useEffect(() => {
    if (key === null) clearTimeout(timer.current);
    else wait(found.key === null ? 0 : pause);
  }, [key]);
  useEffect(() => () => {
    wanted.current = null;
    clearTimeout(timer.current);
  }, []);
  return found;
}

// Answers that never change, the ones used last.
export function cacheOf(most, load) {
  const known = new Map();
  return async (key) => {
    const value = known.get(key) ?? (await load(key));
    known.delete(key);
    known.set(key, value);
    if (known.size > most) known.delete(known.keys().next().value);
    return value;
  };
}

// Call at once, then at most once in so many milliseconds, and never miss the last time.
export function useThrottled(call, ms) {
  const state = useRef({ timer: 0, at: 0 });
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return useCallback(() => {
    const mine = state.current;
    if (mine.timer) return;
    const wait = Math.max(0, mine.at + ms - Date.now());
    mine.timer = setTimeout(() => {
      mine.timer = 0;
      mine.at = Date.now();
      latest.current();
    }, wait);
  }, [ms]);
}

// The time, told every so many milliseconds; 0 stops the clock.
export function useNow(ms) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!ms) return undefined;
    const timer = setInterval(() => setNow(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}

export function useSize(element) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!element.current) return undefined;
    const watch = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return size;
}

// Keys by name, while nobody types and no dialog is open.
export function useKeys(keys) {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    function pressed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target;
      if (target.closest?.("input:not([type=range]), textarea, select, dialog, [contenteditable]")) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const act = latest.current[key];
      if (!act) return;
      const isControl = target.closest?.("button, a, [role=tab], [role=menuitem], summary");
      if (isControl && (key === "Enter" || key === " ")) return;
      if (key.startsWith("Arrow") && target.closest?.("input, [role=tablist], [role=menu]")) return;
      event.preventDefault();
      act(event);
    }
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}
