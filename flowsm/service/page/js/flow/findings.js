// What is wrong, or odd, about a flow while it is written; each finding leads to its place in the text.

import { ask } from "../api.js";
import { html, useEffect, useState } from "../lib.js";
import { Mark } from "../marks.js";
import { plural, short } from "../text.js";
import { bodyToCheck } from "./document.js";
import { lineOf, rangeOf } from "./pointer.js";

const TYPING_MS = 300;
const VALUE_CHARS = 120;
const NOTHING = { valid: null, findings: [], problem: null };

// What the service says of a flow, and of the input with which it is to start.
async function check(text, input, signal) {
  const found = await ask("flow/validate", { method: "POST", body: text, signal });
  if (!found.valid) return found;
  const findings = (await misfits(text, input, signal)).map((one) => ({ ...one, isOfInput: true }));
  return { ...found, valid: !findings.length, findings: [...findings, ...found.findings] };
}

async function misfits(text, input, signal) {
  let body;
  try {
    body = bodyToCheck(text, input);
  } catch ({ message, name }) {
    return [{ severity: "error", pointer: "", message: name === "SyntaxError" ? `no JSON: ${message}` : message }];
  }
  if (body === null) return [];
  const { findings } = await ask("flow/validate", { method: "POST", body, signal });
  return findings.filter((one) => one.severity === "error")
    .map((one) => ({ ...one, pointer: one.pointer.replace(/^\/input/, "") }));
}

// `isChecked` tells that the findings are those of this very text, and of this input. Without an input only the flow is checked.
export function useFindings(text, input = null) {
  const [found, setFound] = useState({ text: "", input, ...NOTHING });
  useEffect(() => {
    if (!text.trim()) {
      setFound({ text, input, ...NOTHING });
      return undefined;
    }
    const control = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setFound({ text, input, problem: null, ...(await check(text, input, control.signal)) });
      } catch (problem) {
        if (problem.name !== "AbortError") setFound({ text, input, valid: false, findings: problem.findings ?? [], problem });
      }
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text, input]);
  return { ...found, isChecked: found.text === text && found.input === input };
}

const joined = ({ message }) => (message.startsWith("expected") ? ", found" : ":");

function summary({ valid, findings, isChecked }, text, good) {
  if (!isChecked && text.trim()) return "Checking …";
  if (valid === null) return "Nothing to check yet.";
  const errors = findings.filter((one) => one.severity === "error").length;
  if (!valid) return `${plural(errors || 1, "error")}.`;
  return findings.length ? `${good}; ${plural(findings.length, "warning")}.` : `${good}.`;
}

export function Findings({ text, checked, area, good = "It can be started" }) {
  const { valid, findings, problem } = checked;
  const lead = ({ pointer, isOfInput }) => {
    if (isOfInput) return document.getElementById("input").focus();
    const [from, to] = rangeOf(text, pointer);
    const element = area.current;
    element.focus();
    element.setSelectionRange(from, to);
    element.scrollTop = Math.max(0, (lineOf(text, from) - 4) * Number.parseFloat(getComputedStyle(element).lineHeight));
    return undefined;
  };
  return html`<section class="card findings" aria-label="Findings"><h2>Findings</h2>
    <p role="status" class=${valid === false ? "error-text" : "muted"}>${summary(checked, text, good)}</p>
    ${problem && !findings.length && html`<p>${problem.message}</p>`}
    <ul>${findings.map((one, index) => html`<li key=${index}><button type="button" class=${`finding is-${one.severity}`}
      onClick=${() => lead(one)}>
      <${Mark} status=${one.severity === "error" ? "failed" : "waiting"} size="13" /><span>
        <b>${one.severity}</b> ${one.isOfInput ? "input" : `line ${lineOf(text, rangeOf(text, one.pointer)[0])}`}${" "}
        <code>${one.pointer || "/"}</code>
        <br />${one.message}${one.value && html`${joined(one)} <code>${short(one.value, VALUE_CHARS)}</code>`}
        ${one.hint && html`<br /><i>${one.hint}</i>`}</span>
    </button></li>`)}</ul>
  </section>`;
}
