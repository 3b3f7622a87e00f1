"""Flow documents: model, parse, lint, digest, JSON Schema."""
