// Another version of the flow: one that is stored, chosen from a file, dropped, pasted or written.

import { ask, part } from "../api.js";
import { Editor, useFiles } from "../flow/editor.js";
import { Findings, useFindings } from "../flow/findings.js";
import { useLatest } from "../hooks.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { stringify } from "../numbers.js";
import { ago } from "../text.js";
import { commandWith } from "./commands.js";

const DIGEST_CHARS = 12;
const MOST_VERSIONS = 50;

// It begins with the version that the execution has, so that it can be changed. `values.isFlow` tells that it has no errors.
export function Version({ verb, execution, graph, values, setValues }) {
  const text = values.flow ?? "";
  const [problem, setProblem] = useState(null);
  const edits = useRef(0);
  const setText = (flow) => {
    edits.current += 1;
    setValues((before) => ({ ...before, flow, isFlow: false }));
    setProblem(null);
  };
  const area = useRef(null);
  const id = execution.execution_id;
  const commandFor = (name) => commandWith(verb === "fork" ? ["fork", id, "--at", values.at, "--flow"] : ["upgrade", id, "--to"], name);
  const files = useFiles(setText, setProblem, commandFor);
  const checked = useFindings(text);
  const now = graph?.flow_digest ?? null;
  const { value: versions } = useLatest(execution.flow_id, (flow) => ask(`definitions?flow=${part(flow)}&limit=${MOST_VERSIONS}`));
  async function use(digest) {
    if (!digest) return;
    edits.current += 1;
    const edit = edits.current;
    try {
      const stored = await ask(`definitions/${part(digest)}`);
      if (edits.current === edit) setText(stringify(stored.flow ?? stored, 2)); // else what was written or chosen since stays
    } catch (error) {
      setProblem(error);
    }
  }
  useEffect(() => { if (!text && !edits.current) use(now); }, [now]);
  const isFlow = checked.isChecked && checked.valid === true;
  const isSame = isFlow && checked.digest === now;
  useEffect(() => setValues((before) => ({ ...before, isFlow, isSame })), [isFlow, isSame, text]);
  return html`<div class="version" ...${files.handlers}>
    <${Editor} text=${text} setText=${setText} area=${area} checked=${checked} files=${files}>
      <label class="field"><span class="hidden">A stored version</span>
        <select data-first onChange=${(event) => use(event.target.value)}>
          <option value="">A stored version …</option>
          ${(versions?.items ?? []).map(({ digest, created_at: at }) => html`<option key=${digest} value=${digest}>
            ${`${digest.slice(0, DIGEST_CHARS)}${digest === now ? ", which it has" : at ? `, ${ago(at)}` : ""}`}</option>`)}
        </select></label>
    </${Editor}>
    <div class="version-side">
      <${Findings} text=${text} checked=${checked} area=${area} good="It is a flow" />
      ${problem && html`<p class="error-text" role="alert">${problem.message}${
        problem.command && html` <code>${problem.command}</code>`}</p>`}
    </div>
  </div>`;
}
