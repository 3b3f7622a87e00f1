"""Events as CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), in its JSON format."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import msgspec

from flowsm.events.codec import encode_fact
from flowsm.events.envelope import Recorded
from flowsm.events.facts import Unknown

__all__ = ["cloud_event"]

_SPECVERSION: Final = "1.0"
_TYPE_PREFIX: Final = "flowsm."


def cloud_event(event: Recorded, flow_id: str) -> dict[str, Any]:
    """A recorded event as a CloudEvent, the same wherever it is read.

    `id` is `stream/seq`, `source` the flow, `subject` the execution, `type` the event's with `flowsm.` before it,
    `dataschema` names type and version of what `flowsm schema events` describes; `digest` is an extension.

    Args:
        event: the event.
        flow_id: the id of the execution's flow; empty for the log's own stream.
    """
    known = type(event.fact) is not Unknown
    schema = {"dataschema": f"urn:flowsm:event:{event.type}:{event.fact.VERSION}"} if known else {}
    return {
        "specversion": _SPECVERSION,
        "id": f"{event.stream}/{event.seq}",
        "source": f"urn:flowsm:flow:{quote(flow_id, safe='')}" if flow_id else "urn:flowsm:log",
        "type": f"{_TYPE_PREFIX}{event.type}",
        "subject": event.stream,
        "time": event.at,
        "datacontenttype": "application/json",
        **schema,
        "digest": event.digest,
        "data": msgspec.json.decode(encode_fact(event.fact)),
    }
