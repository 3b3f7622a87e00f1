// The page: what stands at its top, and what is shown below.

import { askForToken, told } from "./api.js";
import { Guard } from "./guard.js";
import { Help } from "./help.js";
import { useKeys, useLatest } from "./hooks.js";
import { html, render, useEffect, useRef, useState } from "./lib.js";
import { List } from "./list/list.js";
import { Icon } from "./marks.js";
import { go, hashOf, usePlace } from "./route.js";
import { tellLog } from "./run/commands.js";
import { Run } from "./run/run.js";
import { Start } from "./start/start.js";
import { ThemeButton } from "./theme.js";
import { Token } from "./token.js";

// What is shown before it is known what whoever looks may do: nothing else is asked for until then.
function Before({ problem, isLocked }) {
  if (isLocked) {
    return html`<div class="nothing"><h1>This service asks for a token</h1>
      <button type="button" class="primary" onClick=${askForToken}>Give one</button></div>`;
  }
  if (problem) return html`<p class="banner is-failed" role="alert">${problem.message}</p>`;
  return html`<p class="empty" role="status">Loading …</p>`;
}

function App() {
  const place = usePlace();
  const { value: first, problem } = useLatest("service", told);
  const [latest, setLatest] = useState(null);
  const service = latest ?? first;
  const role = service?.role ?? null;
  tellLog(service?.log);
  const [isHelp, setHelp] = useState(false);
  const mayAct = role === "operate";
  useKeys({ "?": () => setHelp(true), n: () => mayAct && place.kind === "list" && go({ kind: "start" }) });
  useEffect(() => {
    const titles = { list: "Executions", start: "Start a flow", run: place.id, none: "No such page" };
    document.title = `${titles[place.kind]} · flowsm`;
  }, [place.kind, place.id]);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) document.getElementById("main").focus({ preventScroll: true });
    isFirst.current = false;
  }, [place.kind, place.id]);
  return html`
    <a class="skip" href="#main"
      onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to the content</a>
    <header class="top">
      <a class="brand" href=${hashOf({ kind: "list" })}><img src="page/icon.svg" alt="" width="22" height="22" />flowsm</a>
      <nav aria-label="Pages">
        <a href=${hashOf({ kind: "list" })} aria-current=${place.kind === "list" ? "page" : undefined}>Executions</a>
        ${mayAct && html`<a href=${hashOf({ kind: "start" })}
          aria-current=${place.kind === "start" ? "page" : undefined}>Start</a>`}
        <a class="wide-only" href="docs">API</a>
      </nav>
      <div class="top-end">
        ${role === "read" && html`<span class="role" title="The token that was given lets you look, and not act">read only</span>`}
        <${ThemeButton} />
        <button type="button" class="quiet" onClick=${() => setHelp(true)} aria-label="Keys" title="Keys (?)"><${Icon} name="help" />
          </button>
      </div>
    </header>
    <main id="main" tabindex="-1"><${Guard} key=${`${place.kind} ${place.id ?? ""}`}>
      ${role === null ? html`<${Before} problem=${problem} isLocked=${service !== null} />`
      : html`<${Place} place=${place} role=${role} />`}
    </${Guard}></main>
    ${isHelp && html`<${Help} onClose=${() => setHelp(false)} />`}
    <${Token} isLocked=${service !== null && role === null} onService=${setLatest} />`;
}

function Place({ place, role }) {
  if (place.kind === "list") return html`<${List} place=${place} role=${role} />`;
  if (place.kind === "run") return html`<${Run} key=${place.id} id=${place.id} place=${place} mayAct=${role === "operate"} />`;
  if (place.kind === "start") return html`<${Start} role=${role} isExample=${Boolean(place.parameters.example)} />`;
  return html`<div class="nothing"><h1>There is no such page</h1><p>An execution is at #/flow/ID.</p>
    <a class="button" href="#/">All executions</a></div>`;
}

render(html`<${App} />`, document.getElementById("app"));
