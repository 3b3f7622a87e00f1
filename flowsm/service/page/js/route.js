// Where one is: kept behind the # of the address, so that it can be sent to somebody, and "back" works.
//   #/?status=failed&flow=…&since=…&q=…&cursor=…     the list
//   #/flow/ID?tab=events&seq=12&task=…               an execution
//   #/start                                          a new one

import { useEffect, useState } from "./lib.js";

export function placeIn(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const [kind, ...rest] = path.split("/");
  if (kind === "flow" && rest.length) return { kind: "run", id: decoded(rest.join("/")), parameters };
  if (kind === "start") return { kind: "start", parameters };
  return { kind: "list", parameters };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hashOf(place) {
  const path = { list: "", start: "start", run: `flow/${encodeURIComponent(place.id ?? "")}` }[place.kind];
  const given = Object.entries(place.parameters ?? {}).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

export const linkTo = (id) => hashOf({ kind: "run", id });

// Go there; `replace` for what "back" should not stop at.
export function go(place, { replace = false } = {}) {
  const hash = hashOf(place);
  if (hash === location.hash) return;
  if (replace) {
    history.replaceState(null, "", hash);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = hash;
  }
}

export function usePlace() {
  const [place, setPlace] = useState(() => placeIn(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeIn(location.hash));
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  return place;
}
