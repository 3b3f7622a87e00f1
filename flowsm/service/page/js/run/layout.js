// Where everything of a machine is drawn.

import { layersOf } from "./layers.js";

const STATE = { width: 192, height: 46 };
const SMALL = { width: 122, height: 30 };
const GAP = { x: 34, y: 54 };
const LANE = 18;
const PASSES = 40;
const SNAP = 24;
const BACK = 46;
const MARGIN = 14;
const ALONG = [0.5, 0.68, 0.32, 0.8, 0.2];
export const LABEL_CHARS = 26;
const LABEL_CHAR = 6.4;
const LABEL_HEIGHT = 13;
const ENDS = ["completed", "failed", "cancelled"];

export const keyOf = (edge) => JSON.stringify([edge.source, edge.target]);

// The machine with the engine's own ways that were taken, an abort or a cancellation, though not yet at this moment.
export function withWays({ states, edges }, ways) {
  const names = new Set(states.map((state) => state.name));
  const known = new Set(edges.map(keyOf));
  const more = [...ways.values()].filter((way) => !known.has(keyOf(way)) && names.has(way.source) &&
    (names.has(way.target) || ENDS.includes(way.target)));
  const ends = [...new Set(more.map((way) => way.target))].filter((name) => !names.has(name));
  return {
    states: [...states, ...ends.map((name) => ({ name, is_task: false, task_type: null, fate: "never", visits: 0 }))],
    edges: [...edges, ...more.map(({ source, target }) => ({ source, target, label: "", when: "", taken: false }))],
  };
}

// The outcome, and what else has to hold; of the usual outcome that alone.
function labelOf({ label, when }) {
  if (!when) return label;
  return label === "success" ? when : `${label} [${when}]`;
}

// Edges that go the same way are one, with all their labels. Those to an end that are only taken when nothing else is
// met say little: without `isAll` they are left out, unless they were taken or are the only way on. `taken` has the
// keys of those that were taken at any time.
export function drawnEdges(edges, isAll, taken) {
  const merged = new Map();
  for (const edge of edges) {
    const key = keyOf(edge);
    const known = merged.get(key) ?? { key, source: edge.source, target: edge.target, labels: [] };
    const label = labelOf(edge);
    if (label && !known.labels.includes(label)) known.labels.push(label);
    merged.set(key, known);
  }
  const all = [...merged.values()];
  if (isAll) return all;
  const isPlain = (edge) => !taken.has(edge.key) && edge.labels.join() === "otherwise" && ENDS.includes(edge.target);
  return all.flatMap((edge) => {
    if (!isPlain(edge)) return [edge];
    const others = all.filter((other) => other.source === edge.source && !isPlain(other));
    return others.length === 0 && edge.target === "completed" ? [{ ...edge, labels: [] }] : [];
  });
}

export const sizeOf = (state) => (state.is_task ? STATE : SMALL);

export function layout(states, edges) {
  const reached = new Set(edges.flatMap((edge) => [edge.source, edge.target]));
  const shown = states.filter((state) => state.is_task || reached.has(state.name));
  const sizes = new Map(shown.map((state) => [state.name, sizeOf(state)]));
  const { layers, cells, ways } = layersOf(shown.map((state) => state.name), edges, ENDS);
  place(layers, sizes);
  const heights = layers.map((layer) => Math.max(0, ...layer.filter((cell) => cell.isState).map((cell) => sizes.get(cell.name).height)));
  let y = MARGIN;
  const tops = heights.map((height) => {
    const top = y;
    y += height + GAP.y;
    return top + height / 2;
  });
  const nodes = shown.map((state) => {
    const { x, layer } = cells.get(state.name);
    return { state, ...sizes.get(state.name), x, y: tops[layer] };
  });
  const at = (cell) => ({ x: cell.x, y: tops[cell.layer], half: (cell.isState ? sizes.get(cell.name).height : heights[cell.layer]) / 2 });
  const drawn = ways.map(({ edge, way, isBack }) => ({ ...edge, ...pathThrough(way.map(at), isBack) }));
  for (const edge of edges.filter((one) => one.source === one.target)) {
    drawn.push({ ...edge, ...circle(nodes.find((node) => node.state.name === edge.source)) });
  }
  const texts = setApart(drawn);
  const left = Math.min(0, ...texts.map((text) => text.x - text.half));
  const right = Math.max(...nodes.map((node) => node.x + node.width / 2), ...drawn.map((edge) => edge.right ?? 0),
    ...texts.map((text) => text.x + text.half));
  return { nodes, edges: drawn, left, width: right + MARGIN - left, height: y - GAP.y + MARGIN };
}

// x for every cell: near its neighbours, in the order of its layer, nothing over anything else.
function place(layers, sizes) {
  const width = (cell) => (cell.isState ? sizes.get(cell.name).width + GAP.x : LANE + GAP.x / 2);
  const spread = (layer, wished) => {
    const left = [];
    layer.forEach((cell, index) => {
      const before = layer[index - 1];
      const least = before ? left[index - 1] + (width(before) + width(cell)) / 2 : -Infinity;
      left.push(Math.max(wished[index], least));
    });
    const right = [];
    for (let index = layer.length - 1; index >= 0; index -= 1) {
      const after = layer[index + 1];
      const most = after ? right[index + 1] - (width(after) + width(layer[index])) / 2 : Infinity;
      right[index] = Math.min(wished[index], most);
    }
    layer.forEach((cell, index) => { cell.x = (left[index] + right[index]) / 2; });
    layer.forEach((cell, index) => {
      const before = layer[index - 1];
      if (before) cell.x = Math.max(cell.x, before.x + (width(before) + width(cell)) / 2);
    });
  };
  for (const layer of layers) spread(layer, layer.map(() => 0));
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const layer of pass % 2 ? layers.toReversed() : layers) {
      spread(layer, layer.map((cell) => {
        const near = pass % 2 ? [...cell.down, ...cell.up] : [...cell.up, ...cell.down];
        if (!near.length) return cell.x;
        const weight = (other) => (cell.isState || other.isState ? 1 : 3);
        return near.reduce((sum, other) => sum + other.x * weight(other), 0) / near.reduce((sum, other) => sum + weight(other), 0);
      }));
    }
  }
  for (const list of [layers, layers.toReversed(), layers]) for (const layer of list) straighten(layer, width);
  const least = Math.min(...layers.flat().map((cell) => cell.x - width(cell) / 2 + GAP.x / 2));
  for (const cell of layers.flat()) cell.x += MARGIN - least;
}

// What is almost below its neighbour is drawn right below it.
function straighten(layer, width) {
  layer.forEach((cell, index) => {
    for (const other of [...cell.up, ...cell.down]) {
      const shift = other.x - cell.x;
      if (Math.abs(shift) > SNAP) continue;
      const side = layer[index + Math.sign(shift)];
      if (!shift || !side || Math.abs(side.x - other.x) >= (width(side) + width(cell)) / 2) cell.x = other.x;
      break;
    }
  });
}

function pathThrough(points, isBack) {
  const first = points[0];
  const last = points.at(-1);
  const sign = isBack ? -1 : 1;
  const shift = isBack ? BACK : 0;
  const start = { x: first.x + shift, y: first.y + sign * first.half };
  const end = { x: last.x + shift, y: last.y - sign * last.half };
  let path = `M${start.x} ${start.y}`;
  let from = start;
  for (const point of points.slice(1, -1)) {
    const into = { x: point.x, y: point.y - sign * point.half };
    path += curve(from, into, sign);
    from = { x: point.x, y: point.y + sign * point.half };
    path += `L${from.x} ${from.y}`;
  }
  path += curve(from, end, sign);
  const next = points.length > 2 ? { x: points[1].x, y: points[1].y - sign * points[1].half } : end;
  const places = ALONG.map((part) => {
    const place = pointOn(start, next, sign, part);
    return { x: place.x + (isBack ? 6 : 0), y: place.y };
  });
  return { path, places, label: places[0], isBack, right: Math.max(...points.map((point) => point.x)) + (isBack ? BACK + 60 : 20) };
}

// The point so far along a curve, from 0 to 1.
function pointOn(from, to, sign, part) {
  const bend = Math.max(18, Math.abs(to.y - from.y) / 2) * sign;
  const mix = (first, second, third, fourth) => (1 - part) ** 3 * first + 3 * part * (1 - part) ** 2 * second +
    3 * part ** 2 * (1 - part) * third + part ** 3 * fourth;
  return { x: mix(from.x, from.x, to.x, to.x), y: mix(from.y, from.y + bend, to.y - bend, to.y) };
}

// A label stands where no other one does, as far along its edge as need be; gives where all of them are.
function setApart(edges) {
  const taken = [];
  for (const edge of edges) {
    if (!edge.labels.length || !edge.places) continue;
    const half = (Math.min(edge.labels.join(", ").length, LABEL_CHARS) * LABEL_CHAR) / 2;
    const isFree = ({ x, y }) => taken.every((one) => Math.abs(one.x - x) > one.half + half || Math.abs(one.y - y) > LABEL_HEIGHT);
    edge.label = edge.places.find(isFree) ?? edge.label;
    taken.push({ ...edge.label, half });
  }
  return taken;
}

function curve(from, to, sign) {
  const bend = Math.max(18, Math.abs(to.y - from.y) / 2) * sign;
  return `C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`;
}

function circle(node) {
  const x = node.x + node.width / 2;
  const path = `M${x} ${node.y - 10}C${x + 44} ${node.y - 22} ${x + 44} ${node.y + 22} ${x} ${node.y + 10}`;
  return { path, label: { x: x + 36, y: node.y }, isBack: false, right: x + 70 };
}
