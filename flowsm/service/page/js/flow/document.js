// The body that starts a flow: the document as it was written, so that no number in it is changed, and what stands beside it.

const WRAPPINGS = ["flow_config", "flow"];

export const isWrapped = (document) => document !== null && typeof document === "object" && WRAPPINGS.some((name) => name in document);

// The flow itself, out of its wrappings.
export function bareFlow(document) {
  return isWrapped(document) ? bareFlow(document[WRAPPINGS.find((name) => name in document)]) : document;
}

// `options` are what may stand beside a flow, such as `paused`. Raises SyntaxError where a text is no JSON, Error where the
// document has an input of its own.
export function bodyFrom(text, input, options = {}) {
  const document = JSON.parse(text);
  const beside = Object.entries(options).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  if (input.trim()) {
    JSON.parse(input);
    beside.unshift(`"input": ${input}`);
  }
  if (!beside.length) return text;
  if (!isWrapped(document)) return `{"flow": ${text}, ${beside.join(", ")}}`;
  if (input.trim() && "input" in document) {
    throw new Error("The document has an input of its own: change that, or leave this one empty.");
  }
  const others = Object.keys(options).filter((name) => name in document);
  if (others.length) throw new Error(`The document says ${others.join(", ")} itself: change that, or let it begin now.`);
  return text.replace("{", `{${beside.join(", ")}, `);
}

// The body that lets a flow be checked with its input; null where there is none, and none is asked for. Raises as bodyFrom does.
export function bodyToCheck(text, input) {
  if (input === null) return null;
  if (input.trim()) return bodyFrom(text, input);
  const document = JSON.parse(text);
  const isThere = isWrapped(document) && "input" in document;
  return isThere || bareFlow(document).input_schema === undefined ? null : bodyFrom(text, "null");
}
