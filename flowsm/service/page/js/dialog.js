// A dialog of the browser's own: it keeps the focus, and Escape closes it.

import { html, useLayoutEffect, useRef } from "./lib.js";
import { Icon } from "./marks.js";

export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(null);
  // A dialog that is closed while it is a part of the page gives the focus back to where it was.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
    return () => dialog.open && dialog.close();
  }, []);
  const leave = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${wide ? "is-wide" : ""} onCancel=${leave} aria-label=${title}
      onClick=${(event) => event.target === element.current && onClose()}>
    <div class="dialog-body">
      <header><h2>${title}</h2>
        <button type="button" class="quiet" onClick=${onClose} aria-label="Close"><${Icon} name="close" /></button>
      </header>
      ${children}
    </div>
  </dialog>`;
}
