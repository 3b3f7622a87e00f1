// The least that fits a JSON Schema, as far as that can be told at a glance: something to begin with when a payload is written.

const MOST_DEPTH = 6;
const EMPTY = { string: "", integer: 0, number: 0, boolean: false, null: null };

export function skeletonOf(schema, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > MOST_DEPTH) return null;
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (schema.enum?.length) return schema.enum[0];
  const [kind] = [schema.type ?? (schema.properties ? "object" : null)].flat();
  if (kind === "array") return schema.minItems > 0 ? [skeletonOf(schema.items ?? null, depth + 1)] : [];
  if (kind !== "object") return schema.minimum ?? EMPTY[kind] ?? null;
  const names = schema.required ?? Object.keys(schema.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, skeletonOf(schema.properties?.[name] ?? null, depth + 1)]));
}
