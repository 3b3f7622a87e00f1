// Which layer a state is drawn in, and in which order within it (after Sugiyama, Tagawa and Toda, 1981).

const SWEEPS = 12;
const SORTED_CELLS = 1500;
// more of them are drawn in the order they are found in: a picture of so many says little anyway

// Edges that lead back, found from the start on: turned around, the rest has no circle.
function withoutCircles(names, edges) {
  const out = new Map(names.map((name) => [name, []]));
  for (const edge of edges) if (edge.source !== edge.target) out.get(edge.source).push(edge);
  const seen = new Map();
  const back = new Set();
  for (const root of names) {
    if (seen.has(root)) continue;
    const waiting = [[root, 0]];
    seen.set(root, "open");
    while (waiting.length) {
      const top = waiting.at(-1);
      const edge = out.get(top[0])[top[1]++];
      if (!edge) {
        seen.set(top[0], "done");
        waiting.pop();
      } else if (seen.get(edge.target) === "open") {
        back.add(edge);
      } else if (!seen.has(edge.target)) {
        seen.set(edge.target, "open");
        waiting.push([edge.target, 0]);
      }
    }
  }
  return edges.filter((edge) => edge.source !== edge.target)
    .map((edge) => (back.has(edge)
      ? { edge, from: edge.target, to: edge.source, isBack: true }
      : { edge, from: edge.source, to: edge.target, isBack: false }));
}

function depths(names, links, last) {
  const depth = new Map(names.map((name) => [name, 0]));
  const incoming = new Map(names.map((name) => [name, 0]));
  for (const link of links) incoming.set(link.to, incoming.get(link.to) + 1);
  const out = Map.groupBy(links, (link) => link.from);
  const ready = names.filter((name) => !incoming.get(name));
  for (let at = 0; at < ready.length; at += 1) {
    for (const link of out.get(ready[at]) ?? []) {
      depth.set(link.to, Math.max(depth.get(link.to), depth.get(link.from) + 1));
      incoming.set(link.to, incoming.get(link.to) - 1);
      if (!incoming.get(link.to)) ready.push(link.to);
    }
  }
  const deepest = Math.max(...depth.values());
  for (const name of last) {
    if (depth.has(name)) depth.set(name, Math.max(depth.get(name), deepest));
  }
  return depth;
}

// Layers of cells, each a state or a place that a long edge runs through; and the way of every edge through them.
export function layersOf(names, edges, last) {
  const links = withoutCircles(names, edges);
  const depth = depths(names, links, last);
  const layers = Array.from({ length: Math.max(...depth.values()) + 1 }, () => []);
  const cells = new Map();
  const cell = (name, layer, isState) => {
    const made = { name, layer, isState, up: [], down: [], x: 0 };
    layers[layer].push(made);
    return made;
  };
  for (const name of names) cells.set(name, cell(name, depth.get(name), true));
  const ways = links.map((link, number) => {
    const way = [cells.get(link.from)];
    for (let layer = depth.get(link.from) + 1; layer < depth.get(link.to); layer += 1) way.push(cell(`${number}/${layer}`, layer, false));
    way.push(cells.get(link.to));
    for (let at = 1; at < way.length; at += 1) {
      way[at - 1].down.push(way[at]);
      way[at].up.push(way[at - 1]);
    }
    return { edge: link.edge, way: link.isBack ? way.toReversed() : way, isBack: link.isBack };
  });
  order(layers);
  return { layers, cells, ways };
}

// Fewer crossings: every cell goes to the middle of its neighbours, downwards and upwards in turn; the best is kept.
function order(layers) {
  if (layers.reduce((sum, layer) => sum + layer.length, 0) > SORTED_CELLS) return;
  let best = layers.map((layer) => [...layer]);
  let least = crossings(best);
  for (let sweep = 0; sweep < SWEEPS && least; sweep += 1) {
    const isDown = sweep % 2 === 0;
    const numbers = layers.map((_, index) => index);
    for (const index of isDown ? numbers : numbers.reverse()) arrange(layers, index, isDown);
    const found = crossings(layers);
    if (found < least) {
      least = found;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, index) => { layers[index] = layer; });
}

function arrange(layers, index, isDown) {
  const others = new Map((layers[isDown ? index - 1 : index + 1] ?? []).map((cell, place) => [cell, place]));
  const middle = new Map(layers[index].map((cell, place) => {
    const places = (isDown ? cell.up : cell.down).map((other) => others.get(other)).filter((one) => one !== undefined);
    return [cell, places.length ? places.reduce((sum, one) => sum + one, 0) / places.length : place];
  }));
  layers[index].sort((first, second) => middle.get(first) - middle.get(second));
}

function crossings(layers) {
  let found = 0;
  for (const layer of layers.slice(0, -1)) {
    const below = new Map(layers[layer[0]?.layer + 1]?.map((cell, place) => [cell, place]));
    const pairs = layer.flatMap((cell, place) => cell.down.map((other) => [place, below.get(other)]));
    for (let one = 0; one < pairs.length; one += 1) {
      for (let two = one + 1; two < pairs.length; two += 1) {
        if ((pairs[one][0] - pairs[two][0]) * (pairs[one][1] - pairs[two][1]) < 0) found += 1;
      }
    }
  }
  return found;
}
