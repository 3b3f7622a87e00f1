// Light, dark, or as the system has it.

import { keep, kept } from "./kept.js";
import { html, useState } from "./lib.js";
import { Icon } from "./marks.js";

const THEMES = { auto: "as the system has it", light: "light", dark: "dark" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

function show(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const known = () => (kept("theme", "auto") in THEMES ? kept("theme", "auto") : "auto");

show(known());

export function ThemeButton() {
  const [theme, setTheme] = useState(known());
  const names = Object.keys(THEMES);
  const turn = () => {
    const next = names[(names.indexOf(theme) + 1) % names.length];
    keep("theme", next === "auto" ? "" : next);
    show(next);
    setTheme(next);
  };
  const label = `Colours: ${THEMES[theme]}`;
  return html`<button type="button" class="quiet" onClick=${turn} title=${label} aria-label=${label}><${Icon} name=${ICONS[theme]} />
    </button>`;
}
