// JSON whose numbers stay what they are: whole ones beyond what JavaScript's numbers hold become BigInt, and others that it
// would write otherwise (10.0, -0.0, 1e300) keep the text that they came with. Both are written as they were. Browsers that
// cannot (before 2023, and some after) write them in their own way, as they always did.

const CAN = typeof JSON.rawJSON === "function";
const OTHERWISE = /\d{16}|(?:":|[[,\s]|^)(?:-0|-?\d+[.eE])/;
const WHOLE = /^-?\d+$/;

// A number with its text; it counts as a number does.
export class Written extends Number {
  constructor(source) {
    super(source);
    this.source = source;
  }

  toString() {
    return this.source;
  }
}

function read(_, value, context) {
  if (typeof value !== "number" || String(value) === context.source) return value;
  return WHOLE.test(context.source) && !Object.is(value, -0) ? BigInt(context.source) : new Written(context.source);
}

function write(_, value) {
  return typeof value === "bigint" || value instanceof Written ? JSON.rawJSON(String(value)) : value;
}

export const parse = (text) => (CAN && OTHERWISE.test(text) ? JSON.parse(text, read) : JSON.parse(text));

export const stringify = (value, indent) => (CAN ? JSON.stringify(value, write, indent) : JSON.stringify(value, null, indent));
