// Copy the id, or a command that shows the execution.

import { CopyButton } from "../copy.js";
import { html } from "../lib.js";
import { lookingAt } from "./commands.js";

export function CopyMenu({ id }) {
  return html`<${CopyButton} text=${id} label="Copy the id" />
    ${Object.entries(lookingAt(id)).map(([name, text]) => html`<${CopyButton} key=${name} text=${text}
      label=${`Copy as ${name}: ${text}`}>${name}</${CopyButton}>`)}`;
}
