// What somebody wrote on the page that starts flows, until it is started: there again when they come back to it.

import { keep, kept } from "../kept.js";
import { useEffect, useState } from "../lib.js";

const NOTHING = { text: "", input: "", when: { kind: "now", at: "" }, before: "" };

let draft = stored();

function stored() {
  try {
    return { ...NOTHING, ...JSON.parse(kept("draft", "{}", "sessionStorage")) };
  } catch {
    return NOTHING;
  }
}

function store(value) {
  draft = value;
  keep("draft", "", "sessionStorage"); // where there is no room for the new one, the old one is none either
  keep("draft", value === NOTHING ? "" : JSON.stringify(value), "sessionStorage");
}

export const forget = () => store(NOTHING);

// The draft, and a way to change it. `put` takes another text in place of what was written, which `before` keeps. With each
// change `onChange` is called.
export function useDraft(onChange) {
  const [value, setValue] = useState(draft);
  useEffect(() => { if (value !== draft) store(value); }, [value]);
  const turn = (changed) => {
    setValue(changed);
    onChange();
  };
  const change = (more) => turn((known) => ({ ...known, ...more }));
  const put = (text) => turn((known) => {
    const isOther = known.text.trim() && known.text !== text;
    return { ...known, text, before: isOther ? known.text : known.before };
  });
  return { ...value, change, put };
}
