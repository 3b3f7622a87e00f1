// A new execution: a flow that is dropped, chosen, pasted or written, checked while it is written.

import { newKey, post } from "../api.js";
import { bodyFrom } from "../flow/document.js";
import { Editor, useFiles } from "../flow/editor.js";
import { Findings, useFindings } from "../flow/findings.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { go } from "../route.js";
import { commandWith } from "../run/commands.js";
import { forget, useDraft } from "./draft.js";
import { EXAMPLE } from "./example.js";
import { When, optionsOf, wrongWith } from "./when.js";

const example = () => JSON.stringify(EXAMPLE, null, 2);

export function Start({ role, isExample }) {
  const [problem, setProblem] = useState(null);
  const { text, input, when, before, change, put } = useDraft(() => setProblem(null));
  const [isSending, setSending] = useState(false);
  const area = useRef(null);
  const files = useFiles(put, setProblem, (name) => commandWith(["run"], name));
  const key = useMemo(newKey, [text, input, when]);
  const checked = useFindings(text, input);
  useEffect(() => {
    if (!isExample) return;
    put(example());
    go({ kind: "start" }, { replace: true }); // who comes back finds what became of it
  }, [isExample]);

  async function start(event) {
    event.preventDefault();
    const wrong = wrongWith(when);
    if (wrong) return setProblem(new Error(wrong));
    setSending(true);
    try {
      const made = await post("flow/create", bodyFrom(text, input, optionsOf(when)), { "Idempotency-Key": key });
      if (when.kind === "now" && made.status === "created") await post("flow/execute", { execution_id: made.execution_id });
      forget();
      go({ kind: "run", id: made.execution_id });
    } catch (error) {
      setSending(false);
      setProblem(error);
    }
    return undefined;
  }
  const undo = () => change({ text: before, before: text === example() ? "" : text });
  const isWrong = checked.isChecked && checked.valid === false;
  return html`<form class="start" onSubmit=${start} ...${files.handlers}>
    <div class="list-head"><h1>Start a flow</h1></div>
    <div class="start-grid">
      <${Editor} text=${text} setText=${(written) => change({ text: written })} area=${area} checked=${checked} files=${files}>
        ${before && html`<button type="button" title="What was written here before" onClick=${undo}>Undo</button>`}
        <button type="button" onClick=${() => put(example())}>An example</button>
      </${Editor}>
      <div class="start-side">
        <${Findings} text=${text} checked=${checked} area=${area} good=${problem ? "The flow has no errors" : undefined} />
        <section class="card"><h2><label for="input">Input</label></h2>
          <textarea id="input" class="code" rows="6" spellcheck="false" placeholder=${`JSON, if the flow takes any: {"manager": "Ada"}`}
            value=${input} onInput=${(event) => change({ input: event.target.value })}></textarea></section>
        ${problem && html`<div class="banner is-failed" role="alert"><div>
          <b>${problem.message}</b>${problem.command && html`<p><code>${problem.command}</code></p>`}
          ${(problem.findings ?? []).map((one) => html`<p
          key=${one.pointer + one.code}>${one.pointer}: ${one.message}</p>`)}</div></div>`}
        ${role === "read" ? html`<p class="card muted">The token that was given lets you check flows here, and start none.</p>`
        : html`<section class="card form">
          <${When} when=${when} setWhen=${(chosen) => change({ when: chosen })} />
          <div class="form-end">
            <button class="primary" disabled=${isSending || !text.trim() || isWrong}>Start</button></div>
        </section>`}
      </div>
    </div>
  </form>`;
}
