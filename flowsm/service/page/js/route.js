// Where one is: kept behind the # of the address, so that it can be sent to somebody, and "back" works.
//   #/?status=failed&flow=…&since=…&q=…&cursor=…     the list
//   #/flow/ID?tab=events&seq=12&task=…               an execution
//   #/start                                          a new one

import { useEffect, useState } from "./lib.js";

export function placeIn(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const [kind, ...rest] = path.split("/");
  if (kind === "flow" && rest.length > 1) return { kind: "none", parameters };
  if (kind === "flow" && rest[0]) return { kind: "run", id: decoded(rest[0]), parameters };
  if (kind === "start") return { kind: "start", parameters };
  return { kind: path ? "none" : "list", parameters };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hashOf(place) {
  const path = { list: "", none: "nowhere", start: "start", run: `flow/${encodeURIComponent(place.id ?? "")}` }[place.kind];
  const given = Object.entries(place.parameters ?? {}).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

export const linkTo = (id) => hashOf({ kind: "run", id });

// Browsers let a page change its address so often, and no more (Safari 100 times in 30 s): a slider that is drawn along
// changes the place at once, and the address now and then.
const ADDRESS_MS = 400;
const told = new Set();
let here = placeIn(location.hash);
let timer = 0;

function tell(place) {
  here = place;
  for (const listen of told) listen(place);
}

function write() {
  clearTimeout(timer);
  timer = 0;
  const hash = hashOf(here);
  if (hash !== location.hash) history.replaceState(history.state, "", hash);
}

window.addEventListener("hashchange", () => {
  clearTimeout(timer);
  timer = 0;
  tell(placeIn(location.hash));
});

// Go there; `replace` for what "back" should not stop at.
export function go(place, { replace = false } = {}) {
  const hash = hashOf(place);
  if (hash === hashOf(here)) return;
  if (replace) {
    tell(placeIn(hash));
    timer ||= setTimeout(write, ADDRESS_MS);
  } else {
    write();
    location.hash = hash;
  }
}

export function usePlace() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    told.add(setPlace);
    return () => told.delete(setPlace);
  }, []);
  return place;
}
