// What a JSON Schema asks for, as far as that can be told at a glance: where what is to be said stands, to begin a payload
// with (null for what somebody has to decide: nobody answers with a value that was made up), and whether a payload has
// room for a reason.

const MOST_DEPTH = 6;

export function skeletonOf(schema, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > MOST_DEPTH) return null;
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (schema.enum?.length === 1) return schema.enum[0];
  const [kind] = [schema.type ?? (schema.properties ? "object" : null)].flat();
  if (kind === "array") return schema.minItems > 0 ? [skeletonOf(schema.items ?? null, depth + 1)] : [];
  if (kind !== "object") return null;
  const names = schema.required ?? Object.keys(schema.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, skeletonOf(schema.properties?.[name] ?? null, depth + 1)]));
}

// What says more than can be told at a glance.
const TELLING = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "enum", "const", "propertyNames", "patternProperties",
  "maxProperties", "dependentSchemas"];

function takes(schema, kind) {
  if (schema === true) return true;
  if (schema === null || typeof schema !== "object" || TELLING.some((word) => word in schema)) return false;
  return schema.type === undefined || [schema.type].flat().includes(kind);
}

// Whether what fits a schema may be an object with a text of this name.
export function hasRoomFor(schema, name) {
  if (!takes(schema, "object")) return false;
  return takes(schema.properties?.[name] ?? schema.additionalProperties ?? schema.unevaluatedProperties ?? true, "string");
}
