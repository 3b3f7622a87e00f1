"""Examples of what is sent and answered, by the names of their types."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["EXAMPLES"]

_AT: Final = "2026-01-31T12:00:00.000000Z"
_LATER: Final = "2026-01-31T12:00:01.500000Z"
_FLOW: Final[dict[str, Any]] = {
    "id": "orders",
    "name": "Orders",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data", "parameters": {"limit": 3}},
        {"name": "store", "task_type": "store_data", "timeout": 30},
    ],
    "conditions": [{"source_task": "fetch", "target_task_success": "store", "target_task_failure": "end_failure"}],
}
_RESULT: Final[dict[str, Any]] = {
    "task_name": "fetch",
    "status": "success",
    "message": "fetched 3 records from sample",
    "data": {"count": 3},
    "execution_time": 0.25,
    "timestamp": _LATER,
    "error": None,
    "outcome": "success",
    "warnings": [],
}
_STATUS: Final[dict[str, Any]] = {
    "execution_id": "orders-4711",
    "flow_name": "Orders",
    "status": "completed",
    "current_task": None,
    "completed_tasks": ["fetch"],
    "started_at": _AT,
    "ended_at": _LATER,
    "task_results": {"fetch": _RESULT},
    "error": None,
    "seq": 9,
}

EXAMPLES: Final[dict[str, Any]] = {
    "bare flow": _FLOW,
    "posted flow": {"flow": _FLOW, "input": {"customer": 7}},
    "flow": _FLOW,
    "ExecuteBody": {"execution_id": "orders-4711"},
    "SignalBody": {"name": "approved", "payload": {"by": "Ada"}},
    "CancelBody": {"reason": "ordered twice"},
    "PauseBody": {"reason": "the warehouse is closed", "now": False},
    "ResumeBody": {"reason": "it is open again"},
    "RetryBody": {"task": "store", "reason": "the disk has room again"},
    "ForkBody": {"at": 5, "overrides": {"results.fetch.data.total": 3}, "reason": "with the right total"},
    "UpgradeBody": {"flow": _FLOW, "dry_run": True},
    "ResolveBody": {"resolution": "success", "data": {"stored": 3}, "reason": "the records are there"},
    "RemoveBody": {"reason": "a test"},
    "Accepted": {
        "execution_id": "orders-4711",
        "flow_name": "Orders",
        "status": "created",
        "message": "Flow 'Orders' created",
    },
    "StatusView": _STATUS,
    "ResultView": _RESULT,
    "FlowExecution": {
        **_STATUS,
        "flow_id": "orders",
        "path": ["fetch"],
        "skipped_tasks": [],
        "input": {"customer": 7},
        "created_at": _AT,
    },
    "Validity": {
        "valid": False,
        "findings": [
            {
                "code": "unknown_start_task",
                "severity": "error",
                "pointer": "/flow/start_task",
                "message": "expected the name of a task",
                "value": '"fecth"',
                "hint": "did you mean 'fetch'?",
            }
        ],
    },
    "ServiceInfo": {
        "service": "flowsm",
        "version": "0.1.0",
        "status": "running",
        "role": "operate",
        "log": "flowsm.db",
        "endpoints": {"GET /flows": "List executions, the newest first"},
    },
    "Health": {"status": "ok", "version": "0.1.0", "worker": "w-0123abcd"},
    "EventPage": {
        "items": [
            {
                "position": 1,
                "stream": "orders-4711",
                "seq": 1,
                "type": "execution.created",
                "version": 1,
                "at": _AT,
                "data": {"flow_id": "orders", "flow_name": "Orders", "digest": "0" * 64},
                "digest": "0" * 64,
            }
        ],
        "after": None,
    },
}
