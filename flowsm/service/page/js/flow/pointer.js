// Where in a JSON text a JSON Pointer (RFC 6901) leads: tolerant, for the text may be half written.

const SPACE = /\s/;

class Scanner {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.places = new Map();
  }

  space() {
    while (this.at < this.text.length && SPACE.test(this.text[this.at])) this.at += 1;
  }

  string() {
    const start = this.at;
    this.at += 1;
    while (this.at < this.text.length && this.text[this.at] !== '"') this.at += this.text[this.at] === "\\" ? 2 : 1;
    this.at += 1;
    try {
      return JSON.parse(this.text.slice(start, this.at));
    } catch {
      return "";
    }
  }

  value(pointer) {
    this.space();
    const start = this.at;
    const mark = this.text[this.at];
    if (mark === "{") this.members(pointer, "}", () => this.name());
    else if (mark === "[") this.members(pointer, "]", (index) => String(index));
    else if (mark === '"') this.string();
    else while (this.at < this.text.length && !/[\s,\]}]/.test(this.text[this.at])) this.at += 1;
    this.places.set(pointer, [start, this.at]);
  }

  name() {
    const name = this.text[this.at] === '"' ? this.string() : "";
    this.space();
    if (this.text[this.at] === ":") this.at += 1;
    return name;
  }

  members(pointer, close, nameAt) {
    this.at += 1;
    for (let index = 0; ; index += 1) {
      this.space();
      if (this.at >= this.text.length || this.text[this.at] === close) break;
      const before = this.at;
      const name = nameAt(index).replaceAll("~", "~0").replaceAll("/", "~1");
      this.value(`${pointer}/${name}`);
      this.space();
      if (this.text[this.at] === ",") this.at += 1;
      if (this.at === before) this.at += 1;
    }
    this.at += 1;
  }
}

// From and to, in characters, of the value; of the nearest one around it where it is not there.
export function rangeOf(text, pointer) {
  const scanner = new Scanner(text);
  try {
    scanner.value("");
  } catch {
    // nested too deep: what was found so far has to do
  }
  for (let path = pointer; ; path = path.slice(0, path.lastIndexOf("/"))) {
    if (scanner.places.has(path)) return scanner.places.get(path);
    if (!path.includes("/")) return [0, 0];
  }
}

export const lineOf = (text, at) => text.slice(0, at).split("\n").length;
