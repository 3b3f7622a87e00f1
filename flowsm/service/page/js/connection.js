// Whether what is shown is what is: live, or cut off for now.

import { html, useRef } from "./lib.js";

export function Connection({ state }) {
  const wasLive = useRef(false);
  wasLive.current ||= state === "live";
  const away = wasLive.current ? "not connected, trying again" : "connecting";
  return html`<span class=${`connection is-${state} ${state !== "live" && wasLive.current ? "is-lost" : ""}`} role="status"><span
    class="dot" aria-hidden="true"></span>${state === "live" ? "live" : away}</span>`;
}
