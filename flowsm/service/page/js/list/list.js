// The executions, the newest first: counted, filtered and searched, as they are now.

import { ask } from "../api.js";
import { Connection } from "../connection.js";
import { useKeys, useNow, useThrottled } from "../hooks.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { Icon } from "../marks.js";
import { go, linkTo } from "../route.js";
import { follow } from "../stream.js";
import { count, plural } from "../text.js";
import { Filters } from "./filters.js";
import { First } from "./first.js";
import { Row } from "./row.js";
import { useScroll } from "./scroll.js";
import { search } from "./search.js";

const PAGE_ROWS = 100;
const REFRESH_MS = 700;
const CHANGES = [
  "execution.created", "execution.started", "execution.completed", "execution.failed", "execution.cancelled",
  "execution.paused", "execution.resumed", "execution.redriven", "execution.removed", "wait.started", "wait.ended",
  "resolution.awaited",
];
// Which execution was chosen, by what the list showed: so that it still is when one comes back. By its id: rows come in above it.
const chosenOf = new Map();

const STREAM = `events/stream?${CHANGES.map((type) => `types=${type}`).join("&")}`;

const queryOf = ({ status, flow, since, cursor }, limit) =>
  new URLSearchParams(Object.entries({ status, flow, since, cursor, limit }).filter(([, value]) => value));

// What the address asks for: a page, or what a search finds.
function useRows(parameters) {
  const [found, setFound] = useState({ items: null, cursor: null, problem: null, looked: 0, isDone: true, key: null });
  const [summary, setSummary] = useState(null);
  const key = JSON.stringify(parameters);
  const control = useRef(null);

  async function load() {
    control.current?.abort();
    const mine = (control.current = new AbortController());
    const tell = (more) => mine.signal.aborted || setFound((before) => ({ ...before, problem: null, ...more, key }));
    ask("flows/summary", { signal: mine.signal }).then((value) => mine.signal.aborted || setSummary(value), () => {});
    try {
      if (parameters.q) {
        await search(parameters.q, queryOf(parameters, ""), { signal: mine.signal, onFound: tell, most: PAGE_ROWS });
      } else {
        const page = await ask(`flows?${queryOf(parameters, PAGE_ROWS)}`, { signal: mine.signal });
        tell({ ...page, looked: 0, isDone: true });
      }
    } catch (problem) {
      if (problem.name !== "AbortError") tell({ problem, isDone: true });
    }
  }

  const refresh = useThrottled(load, REFRESH_MS);
  useEffect(() => {
    load();
    return () => control.current?.abort();
  }, [key]);
  return { ...found, summary, refresh };
}

// The rows as they are, each in its place as long as they are held; those of another key are others.
function useHeld(items, key, isHeld) {
  const held = useRef({ key: null, items: null });
  if (!isHeld || held.current.key !== key || !items?.length) held.current = { key, items };
  if (held.current.items === items) return items;
  const latest = new Map(items.map((row) => [row.execution_id, row]));
  return held.current.items.map((row) => latest.get(row.execution_id) ?? row);
}

export function List({ place, role }) {
  const parameters = place.parameters;
  const { key: found, cursor, problem, looked, isDone, summary, refresh, ...latest } = useRows(parameters);
  const [isOver, setOver] = useState(false);
  const items = useHeld(latest.items, found, isOver);
  const [chosen, setChosen] = useState(() => chosenOf.get(JSON.stringify(parameters)) ?? null);
  const [connection, setConnection] = useState("away");
  const field = useRef(null);
  const isSearch = useRef(false);
  isSearch.current = Boolean(parameters.q);
  useNow(10_000);
  useEffect(() => {
    const change = () => isSearch.current || refresh();
    const onState = (state) => {
      setConnection(state);
      if (state === "live") change(); // something may have happened before it was
    };
    const look = async (last, signal) => {
      await ask("health/live", { signal });
      return { events: [null], last, isMore: false }; // the list itself is asked for then
    };
    return follow(STREAM, { look, onEvents: change, onState });
  }, []);
  const key = JSON.stringify(parameters);
  useEffect(() => setChosen(chosenOf.get(key) ?? null), [key]);
  useScroll(key, items !== null);
  useEffect(() => document.querySelector(".rows tr[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [chosen, items !== null]);

  const show = (more, options) => go({ kind: "list", parameters: { ...parameters, cursor: "", ...more } }, options);
  const rows = items ?? [];
  const at = rows.findIndex((row) => row.execution_id === chosen);
  const choose = (index) => {
    const id = rows[index]?.execution_id ?? null;
    chosenOf.set(key, id);
    setChosen(id);
  };
  const next = () => choose(Math.min(at + 1, rows.length - 1));
  const previous = () => choose(Math.max(at - 1, 0));
  const older = () => cursor && show({ cursor });
  const newer = () => parameters.cursor && history.back();
  useKeys({
    j: next, ArrowDown: next,
    k: previous, ArrowUp: previous,
    Enter: () => rows[at] && go({ kind: "run", id: rows[at].execution_id }),
    "/": () => field.current?.focus(),
    "[": newer,
    "]": older,
  });

  const isEmpty = items !== null && !rows.length && !isFiltered(parameters);
  return html`<div class="list">
    <div class="list-head"><h1>Executions</h1>
      <${Connection} state=${connection} />
      ${role !== "read" && html`<a class="button primary" href="#/start"><${Icon} name="plus" size="14" />Start a flow</a>`}
    </div>
    ${!isEmpty && html`<${Filters} parameters=${parameters} summary=${summary} show=${show} field=${field} />`}
    ${problem && html`<p class="banner is-failed" role="alert">${problem.message}</p>`}
    ${items !== null && html`<${Table} rows=${rows} at=${at} parameters=${parameters} role=${role} setOver=${setOver} />`}
    <footer class="list-end">
      <span role="status">${said(parameters, rows, looked, isDone, parameters.cursor || cursor)}</span>
      ${(parameters.cursor || cursor) && html`<nav aria-label="Pages of the list">
        <button type="button" disabled=${!parameters.cursor} onClick=${newer}><${Icon} name="back" size="12" />Newer</button>
        <button type="button" disabled=${!cursor} onClick=${older}>Older<${Icon} name="next" size="12" /></button>
      </nav>`}
    </footer>
  </div>`;
}

function said(parameters, rows, looked, isDone, isPart) {
  if (!parameters.q) return rows.length ? `${plural(rows.length, "execution")}${isPart ? " on this page" : ""}` : "";
  const found = rows.length === PAGE_ROWS ? `the first ${PAGE_ROWS} matches` : rows.length === 1 ? "1 match" : `${rows.length} matches`;
  return `${found} in ${count(looked)} executions${isDone ? "" : " …"}`;
}

const isFiltered = (parameters) => ["status", "flow", "since", "q", "cursor"].some((name) => parameters[name]);

function Table({ rows, at, parameters, role, setOver }) {
  if (!rows.length) {
    if (!isFiltered(parameters)) return html`<${First} role=${role} />`;
    return html`<div class="nothing"><p>No execution fits.</p><a class="button" href="#/">Show all</a></div>`;
  }
  const open = (event) => {
    const row = event.target.closest("tr[data-id]");
    if (row && !event.target.closest("a, button") && !String(getSelection())) location.hash = linkTo(row.dataset.id);
  };
  return html`<table class="rows" onClick=${open} onPointerLeave=${() => setOver(false)}
    onPointerMove=${(event) => event.pointerType === "mouse" && setOver(true)}>
    <caption class="hidden">Executions, the newest first</caption>
    <thead><tr><th scope="col">Status</th><th scope="col">Flow</th><th scope="col">At</th><th scope="col" class="number">Attempts</th>
      <th scope="col">Created</th><th scope="col" class="number">Took</th></tr></thead>
    <tbody>${rows.map((row, index) => html`<${Row} key=${row.execution_id} row=${row} isAt=${index === at} />`)}</tbody>
  </table>`;
}
