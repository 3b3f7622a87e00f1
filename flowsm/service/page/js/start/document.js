// The body that starts a flow: the document as it was written, so that no number in it is changed, and the input beside it.

const WRAPPINGS = ["flow_config", "flow"];

export const isWrapped = (document) => document !== null && typeof document === "object" && WRAPPINGS.some((name) => name in document);

// Raises SyntaxError where a text is no JSON, Error where the document has an input of its own.
export function bodyFrom(text, input) {
  const document = JSON.parse(text);
  if (!input.trim()) return text;
  JSON.parse(input);
  if (!isWrapped(document)) return `{"flow": ${text}, "input": ${input}}`;
  if ("input" in document) throw new Error("The document has an input of its own: change that, or leave this one empty.");
  return text.replace("{", `{"input": ${input}, `);
}
