"""Words for people that all faces share: recorded facts, changes, values and moments, each safe to be shown."""
