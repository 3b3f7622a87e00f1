// A text cut to the room that there is for it, as wide as this browser draws it.

const known = new Map();
const MOST_KNOWN = 2000;
const canvas = document.createElement("canvas").getContext("2d");
const family = getComputedStyle(document.documentElement).fontFamily;

// `font` is a weight and a size, such as "600 13px"; `room` is in pixels.
export function fitting(text, room, font) {
  const key = `${font} ${room} ${text}`;
  if (!known.has(key)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, cut(text, room, font));
  }
  return known.get(key);
}

function cut(text, room, font) {
  canvas.font = `${font} ${family}`;
  if (canvas.measureText(text).width <= room) return text;
  const letters = [...text];
  let [least, most] = [0, letters.length];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (canvas.measureText(`${letters.slice(0, middle).join("")}…`).width <= room) least = middle;
    else most = middle;
  }
  return `${letters.slice(0, least).join("")}…`;
}
