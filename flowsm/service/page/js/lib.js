// What draws: Preact with tagged templates. Text goes in as text nodes only, so that no value is ever markup.
export {
  Component, h, html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState,
} from "../vendor/htm-preact.js";
