// How far a list was scrolled, kept by its entry in the browser's history: whoever goes back finds it there.

import { newKey } from "../api.js";
import { useLayoutEffect } from "../lib.js";

const placeOf = new Map();

function entryHere() {
  const entry = history.state?.entry ?? newKey();
  history.replaceState({ ...history.state, entry }, "");
  return entry;
}

// `key` tells what the list shows, `isShown` that it has its rows.
export function useScroll(key, isShown) {
  useLayoutEffect(() => {
    const entry = entryHere();
    return () => placeOf.set(entry, window.scrollY);
  }, [key]);
  useLayoutEffect(() => {
    if (isShown) window.scrollTo(0, placeOf.get(history.state?.entry) ?? 0);
  }, [key, isShown]);
}
