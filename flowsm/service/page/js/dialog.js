// A dialog of the browser's own: it keeps the focus. A click beside it closes it while nothing was typed or chosen in it, and
// Escape does; after that Escape has to be pressed twice, so that nobody loses by the way what they wrote.

import { html, useLayoutEffect, useRef, useState } from "./lib.js";
import { Icon } from "./marks.js";

export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(null);
  const [isChanged, setChanged] = useState(false);
  const [isWarned, setWarned] = useState(false);
  const isGone = useRef(false);
  const isBeside = useRef(false); // where the click began: who marks a text may end beside the dialog
  // A dialog that is closed while it is a part of the page gives the focus back to where it was.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
    return () => {
      isGone.current = true;
      if (dialog.open) dialog.close();
    };
  }, []);
  const leave = (event) => {
    if (event.target !== element.current) return; // a choice of files that was given up
    event.preventDefault();
    if (isChanged && !isWarned) setWarned(true);
    else onClose();
  };
  const change = () => {
    setChanged(true);
    setWarned(false);
  };
  return html`<dialog ref=${element} class=${wide ? "is-wide" : ""} onCancel=${leave} aria-label=${title}
      onClose=${() => isGone.current || onClose()} onInput=${change} onDrop=${change}
      onPointerDown=${(event) => { isBeside.current = event.target === element.current; }}
      onClick=${(event) => event.target === element.current && isBeside.current && !isChanged && onClose()}>
    <div class="dialog-body">
      <header><h2>${title}</h2>
        <button type="button" class="quiet" onClick=${onClose} aria-label="Close"><${Icon} name="close" /></button>
      </header>
      <p class="dialog-warning" role="status">${isWarned && "Escape once more drops what was written here."}</p>
      ${children}
    </div>
  </dialog>`;
}
