// Whether what is shown is what is: live, asked for every second, or cut off for now.

import { html, useRef } from "./lib.js";

const SAID = { live: "live", often: "every second" };
const WHY = "Other windows hold the connections that this browser has for what is live: this one asks every second";

export function Connection({ state }) {
  const wasLive = useRef(false);
  const said = SAID[state];
  wasLive.current ||= Boolean(said);
  const away = wasLive.current ? "not connected, trying again" : "connecting";
  return html`<span class=${`connection is-${state} ${!said && wasLive.current ? "is-lost" : ""}`} role="status"
    title=${state === "often" ? WHY : undefined}><span class="dot" aria-hidden="true"></span>${said ?? away}</span>`;
}
