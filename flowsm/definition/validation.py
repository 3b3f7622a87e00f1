"""Values against JSON Schemas (draft 2020-12) that documents bring; nothing is ever fetched for them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from flowsm.definition.pointer import join_pointer

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = ["schema_problems"]

_PROBLEMS_MAX = 10


@lru_cache(maxsize=256)
def _validator(schema_json: bytes) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (loaded when a flow has a schema)
    from referencing import Registry  # noqa: PLC0415

    return Draft202012Validator(msgspec.json.decode(schema_json), registry=Registry())


def schema_problems(schema: dict[str, Any] | bool, value: Any) -> list[tuple[str, str]]:
    """What of a JSON value misses the schema: (JSON Pointer, problem) for each miss, ten at the most.

    The schema has been checked when its flow was loaded.
    """
    validator = _validator(msgspec.json.encode(schema))
    problems = []
    for error in validator.iter_errors(value):
        problems.append((join_pointer(tuple(str(token) for token in error.absolute_path)), error.message))
        if len(problems) == _PROBLEMS_MAX:
            break
    return problems
