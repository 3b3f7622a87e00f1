// The machine, lit by what became of the execution so far.

import { useKeys, useSize } from "../hooks.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { Icon, Mark, lookOf } from "../marks.js";
import { fitting } from "../fitting.js";
import { short, unturned } from "../text.js";
import { LABEL_CHARS, drawnEdges, keyOf, layout, withWays } from "./layout.js";
import { usePanning } from "./panning.js";

const NAME_ROOM = 44;
const TYPE_CHARS = 22;
const ZOOMS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.6];
const LEGIBLE = 0.7;
const FAR = 0.25;
const MARGIN = 4;

// The look of a state: that of the execution where it stands, else what became of it.
export function fateLook(state, status) {
  if (!state.is_task && state.name === "cancelled" && state.fate !== "never") return "cancelled";
  if (state.fate !== "current") return lookOf(state.fate);
  return ["waiting", "paused"].includes(status) ? status : "running";
}

// Whether the execution stands there, or ended there.
const isPlace = (state) => state.fate === "current" || (!state.is_task && state.name !== "created" && state.fate !== "never");

export function Graph({ graph, events, selected, onSelect, isPast }) {
  const [isAll, setAll] = useState(false);
  const [zoom, setZoom] = useState("legible");
  const box = useRef(null);
  const room = useSize(box);
  const ever = useWays(events);
  const taken = useMemo(() => new Set((graph?.edges ?? []).filter((edge) => edge.taken).map(keyOf)), [graph]);
  const shape = graph && JSON.stringify([graph.flow_digest, graph.states.length, isAll, [...ever.keys()].sort()]);
  const drawn = useMemo(() => {
    if (!graph) return null;
    const whole = withWays(graph, ever);
    return layout(whole.states, drawnEdges(whole.edges, isAll, ever));
  }, [shape]);
  const states = useMemo(() => new Map(graph?.states.map((state) => [state.name, state])), [graph]);
  const current = graph?.states.find(isPlace)?.name;
  useEffect(() => show(box.current, drawn, current), [current, drawn, room.width > 0, zoom === "legible"]);
  const whole = drawn && room.width ? Math.min(1, (room.width - MARGIN) / drawn.width, (room.height - MARGIN) / drawn.height) : 1;
  const scale = { legible: Math.max(LEGIBLE, whole), whole }[zoom] ?? zoom;
  const turn = (step) => {
    const next = ZOOMS.filter((one) => (step > 0 ? one > scale + 0.01 : one < scale - 0.01 && one > whole)).at(step > 0 ? 0 : -1);
    setZoom(next ?? (step > 0 ? scale : "whole"));
  };
  const fit = () => setZoom(zoom === "whole" ? "legible" : "whole");
  useKeys({ "+": () => turn(1), "=": () => turn(1), "-": () => turn(-1), 0: fit });
  useCentre(box, scale);
  usePanning(box);
  return html`<section class=${`card graph ${isPast ? "is-past" : ""}`} aria-label="Machine">
    <div class="graph-tools">
      <label class="check"><input type="checkbox" checked=${isAll} onChange=${() => setAll(!isAll)} />all ways out</label>
      <button type="button" class="quiet" onClick=${() => turn(-1)} aria-label="Smaller" title="Smaller (−)"><${Icon} name="minus"
        size="14" /></button>
      <button type="button" class="quiet" onClick=${fit} aria-pressed=${zoom === "whole" ? "true" : "false"} aria-label="The whole of it"
        title="The whole of it (0)"><${Icon} name="fit" size="14" /></button>
      <button type="button" class="quiet" onClick=${() => turn(1)} aria-label="Larger" title="Larger (+)"><${Icon} name="plus"
        size="14" /></button>
    </div>
    <div class="graph-box" ref=${box} tabindex="0" role="group" aria-label="The machine's states; scrolls">
      ${drawn && html`<svg width=${drawn.width * scale} height=${drawn.height * scale}
        viewBox=${`${drawn.left} 0 ${drawn.width} ${drawn.height}`}
        class=${scale < FAR ? "is-far" : ""} role="group" aria-label="States and transitions">
        <${Arrows} />
        ${[false, true].flatMap((isTaken) => drawn.edges.filter((edge) => taken.has(edge.key) === isTaken).map((edge) => html`<${Edge}
          key=${edge.key} edge=${edge} isTaken=${isTaken} />`))}
        ${drawn.nodes.map((node) => html`<${State} key=${node.state.name} node=${node} state=${states.get(node.state.name) ?? node.state}
          status=${graph.status} isSelected=${selected === node.state.name} onSelect=${onSelect} />`)}
      </svg>`}
    </div>
  </section>`;
}

// The ways that were ever taken, by their keys: so the picture is the same wherever one looks back to.
function useWays(events) {
  const kept = useRef({ read: 0, ways: new Map() }).current;
  for (; kept.read < events.length; kept.read += 1) {
    const { type, data } = events[kept.read];
    if (type === "transition.taken") kept.ways.set(keyOf(data), data);
  }
  return kept.ways;
}

// What was in the middle stays there when the scale changes.
function useCentre(box, scale) {
  const before = useRef(scale);
  useLayoutEffect(() => {
    const element = box.current;
    const ratio = scale / before.current;
    before.current = scale;
    if (ratio === 1) return;
    const [width, height] = [element.clientWidth / 2, element.clientHeight / 2];
    element.scrollLeft = (element.scrollLeft + width) * ratio - width;
    element.scrollTop = (element.scrollTop + height) * ratio - height;
  }, [scale]);
}

// Bring the state where the execution stands into view, within the box only.
function show(box, drawn, current) {
  const node = box?.querySelector("g.state.is-here");
  if (!node || !drawn || !current) return;
  const [inner, outer] = [node.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) box.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
  if (inner.left < outer.left || inner.right > outer.right) box.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

const Arrows = () => html`<defs>${["plain", "taken"].map((kind) => html`
  <marker key=${kind} id=${`arrow-${kind}`} class=${`arrow is-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"
    markerHeight="7" orient="auto-start-reverse">
    <path d="M0.500 0.800L7.500 4L0.500 7.200z" />
  </marker>`)}</defs>`;

function Edge({ edge, isTaken }) {
  const kind = isTaken ? "taken" : "plain";
  const said = unturned(edge.labels.join(", "));
  const text = short(said, LABEL_CHARS);
  return html`<g class=${`edge is-${kind} ${edge.isBack ? "is-back" : ""}`}>
    <title>${unturned(`${edge.source} to ${edge.target}`)}${said && `: ${said}`}</title>
    <path d=${edge.path} marker-end=${`url(#arrow-${kind})`} />
    ${text && html`<text x=${edge.label.x} y=${edge.label.y + 3.500}>${text}</text>`}
  </g>`;
}

function State({ node, state, status, isSelected, onSelect }) {
  const look = fateLook(state, status);
  const isHere = isPlace(state);
  const badge = `×${state.visits}`.length * 7 + 14;
  const { width, height } = node;
  const name = unturned(state.name);
  const named = state.is_task ? `${name}, ${unturned(state.task_type ?? "")}` : name;
  const said = `${named}: ${state.fate === "current" ? status : state.fate}${state.visits > 1 ? `, ${state.visits} visits` : ""}`;
  const click = () => state.is_task && onSelect(isSelected ? null : state.name);
  const pressed = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    click();
  };
  const interactive = state.is_task
    ? { role: "button", tabindex: 0, "aria-pressed": isSelected ? "true" : "false", onClick: click, onKeyDown: pressed }
    : { role: "img" };
  return html`<g class=${`state is-${look} ${isHere ? "is-here" : ""} ${isSelected ? "is-selected" : ""} ${state.is_task ? "" : "is-end"}`}
      transform=${`translate(${node.x - width / 2} ${node.y - height / 2})`} aria-label=${said} data-state=${state.name}
        data-look=${look} ...${interactive}>
    <title>${said}</title>
    <rect width=${width} height=${height} rx=${state.is_task ? 9 : height / 2} />
    <g transform=${`translate(${state.is_task ? 11 : 10} ${height / 2 - 8})`}><${Mark} status=${look} /></g>
    ${state.is_task
      ? html`<text class="state-name" x="35" y=${height / 2 - 2}>${fitting(name, width - NAME_ROOM, "600 13px")}</text>
        <text class="state-type" x="35" y=${height / 2 + 13}>${short(unturned(state.task_type ?? ""), TYPE_CHARS)}</text>
        ${state.visits > 1 && html`<g transform=${`translate(${width - 9} 0)`}><rect class="visits" x=${-badge / 2} y="-8"
          width=${badge} height="16" rx="8" /><text class="visits-text" y="4">×${state.visits}</text></g>`}`
      : html`<text class="state-name" x="32" y=${height / 2 + 4}>${state.name}</text>`}
  </g>`;
}
