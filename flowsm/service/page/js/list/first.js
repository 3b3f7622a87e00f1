// The first screen of a log in which nothing has been run: what to do now.

import { urlOf } from "../api.js";
import { CopyButton } from "../copy.js";
import { html } from "../lib.js";

const WAYS = [
  ["A flow of your own", "Drop its JSON on the page that starts flows; what is wrong stands beside it.", null],
  ["From the command line", "Writes a sample flow with its tasks and data, and says how to run it:", () => "flowsm init"],
  ["From a program", "What comes back is the finished execution:",
    () => `curl -d @flow.json ${urlOf("flow/execute-sync")}`],
];

export function First({ role }) {
  if (role === "read") return html`<div class="nothing"><p>Nothing has been run yet. What is begun appears here by itself.</p></div>`;
  return html`<div class="nothing first">
    <h2>Nothing has been run yet</h2>
    <p>A flow is a few tasks, and the conditions that say which comes next. Watch one: it fetches, asks you, and goes on.</p>
    <p><a class="button primary" href="#/start?example=1">Try the example</a> <a class="button" href="#/start">Start a flow</a></p>
    <ul>${WAYS.map(([title, text, command]) => html`<li class="card" key=${title}><h3>${title}</h3><p>${text}</p>
      ${command && html`<div class="command-line"><code>${command()}</code><${CopyButton} text=${command()}
        label=${`Copy: ${title}`} /></div>`}</li>`)}</ul>
    <p>What is begun elsewhere appears here by itself.</p>
  </div>`;
}
