// The text of a flow: written, pasted, chosen as a file, or dropped; its lines are marked where something is wrong.

import { html, useRef, useState } from "../lib.js";
import { Icon } from "../marks.js";
import { lineOf, rangeOf } from "./pointer.js";

const MOST_BYTES = 4_000_000;
const MOST_LINES = 5000;

const OTHERS = [[/\.ya?ml$/i, "YAML"], [/\.toml$/i, "TOML"]];

// Take a file, and what is dropped: `handlers` are for the element on which it may be dropped. `commandFor` gives the command
// that takes a file, by its name, which is no JSON.
export function useFiles(setText, setProblem, commandFor) {
  const [isOver, setOver] = useState(false);
  async function take(chosen) {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) return setProblem(new Error(`${chosen.name} is too large to be looked at here.`));
    const [, kind] = OTHERS.find(([ending]) => ending.test(chosen.name)) ?? [];
    if (kind) {
      const error = new Error(`${chosen.name} is ${kind}, and the page takes JSON; the command line takes both:`);
      return setProblem(Object.assign(error, { command: commandFor(chosen.name) }));
    }
    try {
      setText(new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer()));
      return setProblem(null);
    } catch {
      return setProblem(new Error(`${chosen.name} is not UTF-8, as JSON is: save it so.`));
    }
  }
  const handlers = {
    onDragOver(event) {
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: (event) => event.currentTarget.contains(event.relatedTarget) || setOver(false),
    onDrop(event) {
      event.preventDefault();
      setOver(false);
      take(event.dataTransfer.files[0]);
    },
  };
  return { take, isOver, handlers };
}

// `children` stand beside the button that chooses a file.
export function Editor({ text, setText, area, checked, files, children }) {
  const file = useRef(null);
  return html`<section class=${`card editor ${files.isOver ? "is-over" : ""}`} aria-label="Flow">
    <header><h2>Flow</h2>
      ${children}
      <button type="button" onClick=${() => file.current.click()}><${Icon} name="upload" size="14" />Choose a file</button>
      <input ref=${file} class="hidden" type="file" tabindex="-1" aria-hidden="true" accept=".json,application/json"
        onChange=${(event) => files.take(event.target.files[0])} />
    </header>
    <${Lines} text=${text} setText=${setText} area=${area} findings=${checked.isChecked ? checked.findings : []} />
    ${files.isOver && html`<p class="drop-hint">Drop it here</p>`}
  </section>`;
}

function Lines({ text, setText, area, findings }) {
  const gutter = useRef(null);
  const lines = text.split("\n").length;
  const marked = new Map();
  for (const one of findings.filter(({ isOfInput }) => !isOfInput)) {
    const line = lineOf(text, rangeOf(text, one.pointer)[0]);
    if (marked.get(line) !== "error") marked.set(line, one.severity);
  }
  const shown = Math.max(1, Math.min(lines, MOST_LINES));
  return html`<div class="editor-box">
    <div class="gutter" ref=${gutter} aria-hidden="true">${Array.from({ length: shown }, (_, index) => html`<div
      key=${index} class=${marked.has(index + 1) ? `is-${marked.get(index + 1)}` : ""}>${index + 1}</div>`)}</div>
    <textarea ref=${area} class="code" aria-label="Flow as JSON" spellcheck="false" wrap="off"
      placeholder="Drop a JSON file here, choose one, or paste the flow" value=${text}
      onInput=${(event) => setText(event.target.value)} onScroll=${(event) => { gutter.current.scrollTop = event.target.scrollTop; }}>
        </textarea>
  </div>`;
}
