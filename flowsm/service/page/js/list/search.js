// Search: every word has to be in what the list shows of an execution. The pages are read on until enough are found.

import { ask } from "../api.js";

const PAGE_ROWS = 500;

export function fits(row, words) {
  const text = [row.execution_id, row.flow_id, row.flow_name, row.status, row.current_task, row.waiting_for, row.last_error]
    .filter(Boolean).join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

export async function search(text, query, { signal, onFound, most }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const items = [];
  let looked = 0;
  query.delete("cursor");
  query.set("limit", PAGE_ROWS);
  for (;;) {
    const page = await ask(`flows?${query}`, { signal });
    looked += page.items.length;
    items.push(...page.items.filter((row) => fits(row, words)));
    const isDone = !page.cursor || items.length >= most;
    onFound({ items: items.slice(0, most), cursor: null, looked, isDone });
    if (isDone) return;
    query.set("cursor", page.cursor);
  }
}
