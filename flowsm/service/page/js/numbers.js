// JSON whose whole numbers stay what they are, also beyond what JavaScript's numbers hold: they become BigInt, and are
// written as they were. Browsers that cannot (before 2023, and some after) round them, as they always did.

const CAN = typeof JSON.rawJSON === "function";
const LONG = /\d{16}/;
const WHOLE = /^-?\d+$/;

function read(_, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !WHOLE.test(context.source)) return value;
  return BigInt(context.source);
}

function write(_, value) {
  return typeof value === "bigint" ? JSON.rawJSON(String(value)) : value;
}

export const parse = (text) => (CAN && LONG.test(text) ? JSON.parse(text, read) : JSON.parse(text));

export const stringify = (value, indent) => (CAN ? JSON.stringify(value, write, indent) : JSON.stringify(value, null, indent));
