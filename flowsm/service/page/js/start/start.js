// A new execution: a flow that is dropped, chosen, pasted or written, checked while it is written.

import { ask, newKey, post } from "../api.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Icon, Mark } from "../marks.js";
import { go } from "../route.js";
import { plural } from "../text.js";
import { bodyFrom } from "./document.js";
import { lineOf, rangeOf } from "./pointer.js";

const TYPING_MS = 300;
const MOST_BYTES = 4_000_000;
const EXAMPLE = {
  id: "hello", name: "Hello", start_task: "fetch_data",
  tasks: [
    { name: "fetch_data" },
    { name: "approval", task_type: "wait_for_signal" },
    { name: "process_data", parameters: { source: "fetch_data" } },
  ],
  conditions: [
    { source_task: "fetch_data", target_task_success: "approval" },
    {
      name: "approved", source_task: "approval", outcome: "approved",
      target_task_success: "process_data", target_task_failure: "end_failure",
    },
  ],
};

function useFindings(text) {
  const [found, setFound] = useState({ text: "", valid: null, findings: [], problem: null });
  useEffect(() => {
    if (!text.trim()) {
      setFound({ text, valid: null, findings: [], problem: null });
      return undefined;
    }
    const control = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setFound({ text, problem: null, ...(await ask("flow/validate", { method: "POST", body: text, signal: control.signal })) });
      } catch (problem) {
        if (problem.name !== "AbortError") setFound({ text, valid: false, findings: problem.findings ?? [], problem });
      }
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text]);
  return found;
}

export function Start({ role }) {
  const [text, setText] = useState("");
  const [input, setInput] = useState("");
  const [isPaused, setPaused] = useState(false);
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState(null);
  const [isSending, setSending] = useState(false);
  const area = useRef(null);
  const file = useRef(null);
  const key = useMemo(newKey, [text, input, isPaused]);
  const checked = useFindings(text);
  const isChecked = checked.text === text;
  useEffect(() => setProblem(null), [text, input]);

  async function take(chosen) {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) return setProblem(new Error(`${chosen.name} is too large to be looked at here.`));
    setText((await chosen.text()).replace(/^\uFEFF/, ""));
    return setProblem(null);
  }
  function drop(event) {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  }
  async function start(event) {
    event.preventDefault();
    setSending(true);
    try {
      const made = await post("flow/create", bodyFrom(text, input), { "Idempotency-Key": key });
      if (!isPaused) await post("flow/execute", { execution_id: made.execution_id });
      go({ kind: "run", id: made.execution_id });
    } catch (error) {
      setSending(false);
      setProblem(error);
    }
  }
  const select = (pointer) => {
    const [from, to] = rangeOf(text, pointer);
    const element = area.current;
    element.focus();
    element.setSelectionRange(from, to);
    element.scrollTop = Math.max(0, (lineOf(text, from) - 4) * Number.parseFloat(getComputedStyle(element).lineHeight));
  };
  return html`<form class="start" onSubmit=${start} onDragOver=${(event) => { event.preventDefault(); setOver(true); }}
    onDragLeave=${(event) => event.currentTarget.contains(event.relatedTarget) || setOver(false)} onDrop=${drop}>
    <div class="list-head"><h1>Start a flow</h1></div>
    <div class="start-grid">
      <section class=${`card editor ${isOver ? "is-over" : ""}`} aria-label="Flow">
        <header><h2>Flow</h2>
          <button type="button" onClick=${() => file.current.click()}><${Icon} name="upload" size="14" />Choose a file</button>
          <input ref=${file} class="hidden" type="file" tabindex="-1" aria-hidden="true" accept=".json,application/json"
            onChange=${(event) => take(event.target.files[0])} />
          <button type="button" onClick=${() => setText(JSON.stringify(EXAMPLE, null, 2))}>An example</button>
        </header>
        <${Editor} text=${text} setText=${setText} area=${area} findings=${isChecked ? checked.findings : []} />
        ${isOver && html`<p class="drop-hint">Drop it here</p>`}
      </section>
      <div class="start-side">
        <${Findings} text=${text} checked=${checked} isChecked=${isChecked} onSelect=${select} />
        <section class="card"><h2><label for="input">Input</label></h2>
          <textarea id="input" class="code" rows="6" spellcheck="false" placeholder=${`JSON, if the flow takes any: {"manager": "Ada"}`}
            value=${input} onInput=${(event) => setInput(event.target.value)}></textarea></section>
        ${role === "read" ? html`<p class="card muted">The token that was given lets you check flows here, and start none.</p>`
        : html`<section class="card form">
          <label class="check"><input type="checkbox" checked=${isPaused}
            onChange=${() => setPaused(!isPaused)} />only record it; I run it later</label>
          ${problem && html`<div class="banner is-failed" role="alert"><div>
            <b>${problem.message}</b>${(problem.findings ?? []).map((one) => html`<p
            key=${one.pointer + one.code}>${one.pointer}: ${one.message}</p>`)}</div></div>`}
          <div class="form-end">
            <button class="primary" disabled=${isSending || !text.trim() || (isChecked && checked.valid === false)}>Start</button></div>
        </section>`}
      </div>
    </div>
  </form>`;
}

function Editor({ text, setText, area, findings }) {
  const gutter = useRef(null);
  const lines = text.split("\n").length;
  const marked = new Map();
  for (const one of findings) {
    const line = lineOf(text, rangeOf(text, one.pointer)[0]);
    if (marked.get(line) !== "error") marked.set(line, one.severity);
  }
  const shown = Math.min(lines, 5000);
  return html`<div class="editor-box">
    <div class="gutter" ref=${gutter} aria-hidden="true">${Array.from({ length: Math.max(shown, 1) }, (_, index) => html`<div
      key=${index} class=${marked.has(index + 1) ? `is-${marked.get(index + 1)}` : ""}>${index + 1}</div>`)}</div>
    <textarea ref=${area} class="code" aria-label="Flow as JSON" spellcheck="false" wrap="off"
      placeholder="Drop a JSON file here, choose one, or paste the flow" value=${text}
      onInput=${(event) => setText(event.target.value)} onScroll=${(event) => { gutter.current.scrollTop = event.target.scrollTop; }}>
        </textarea>
  </div>`;
}

function summary(valid, errors, all) {
  if (valid === null) return "Nothing to check yet.";
  if (!valid) return `${plural(errors || 1, "error")}.`;
  return all ? `It can be started; ${plural(all, "warning")}.` : "It can be started.";
}

function Findings({ text, checked, isChecked, onSelect }) {
  const { valid, findings } = checked;
  const errors = findings.filter((one) => one.severity === "error").length;
  const said = isChecked || !text.trim() ? summary(valid, errors, findings.length) : "Checking …";
  return html`<section class="card findings" aria-label="Findings"><h2>Findings</h2>
    <p role="status" class=${valid === false ? "error-text" : "muted"}>${said}</p>
    ${checked.problem && !findings.length && html`<p>${checked.problem.message}</p>`}
    <ul>${findings.map((one, index) => html`<li key=${index}><button type="button" class=${`finding is-${one.severity}`}
      onClick=${() => onSelect(one.pointer)}>
      <${Mark} status=${one.severity === "error" ? "failed" : "waiting"} size="13" /><span>
        <b>${one.severity}</b> line ${lineOf(text, rangeOf(text, one.pointer)[0])} <code>${one.pointer || "/"}</code>
        <br />${one.message}${one.hint && html`<br /><i>${one.hint}</i>`}</span>
    </button></li>`)}</ul>
  </section>`;
}
