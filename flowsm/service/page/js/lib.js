// What draws: Preact with tagged templates. Text goes in as text nodes only, so that no value is ever markup.
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { Component, h, render } from "../vendor/preact.js";
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export const html = htm.bind(h);
