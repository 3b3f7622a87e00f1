// What is shown in place of a part of the page that could not be drawn: never nothing.

import { Component, html } from "./lib.js";

export class Guard extends Component {
  state = { error: null };

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    console.error(error);
  }

  render({ children }, { error }) {
    if (error === null) return children;
    return html`<div class="nothing" role="alert"><h1>This cannot be drawn</h1>
      <p>The page failed; nothing has happened to the execution.</p><p><code>${String(error?.message ?? error)}</code></p>
      <button type="button" onClick=${() => location.reload()}>Load it again</button><a href="#/">All executions</a></div>`;
  }
}
