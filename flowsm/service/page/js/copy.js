// Copy to the clipboard, and say so.

import { html, useEffect, useState } from "./lib.js";
import { Icon } from "./marks.js";

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThe(text);
  }
}

// The way of pages that are not served securely.
function copyThe(text) {
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  return isDone;
}

export function CopyButton({ text, label, children, class: kind = "quiet" }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 1600);
    return () => clearTimeout(timer);
  }, [said]);
  const click = async () => setSaid((await copy(text)) ? "copied" : "not allowed");
  return html`<button type="button" class=${kind} onClick=${click} title=${label} aria-label=${said || label}>
    <${Icon} name="copy" size="14" />${said ? html`<span role="status">${said}</span>` : children}
  </button>`;
}
