// What draws: Preact with tagged templates. Text goes in as text nodes only, so that no value is ever markup.
import htm from "../vendor/htm.js";
import { h, options } from "../vendor/preact.js";
import { unturned } from "./text.js";

export { Component, h, render } from "../vendor/preact.js";
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export const html = htm.bind(h);

// Wherever a text is drawn, nothing in it turns the direction of what stands beside it.
options.vnode = (node) => {
  if (typeof node.props === "string") node.props = unturned(node.props);
};
