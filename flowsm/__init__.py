"""flowsm: an event-sourced state-machine engine for flows, in one SQLite file.

Names are loaded when they are first asked for (PEP 562), so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowsm.definition.load import check_flow as check_flow
    from flowsm.definition.load import load_flow as load_flow
    from flowsm.definition.model import ConditionConfig as ConditionConfig
    from flowsm.definition.model import FlowConfig as FlowConfig
    from flowsm.definition.model import TaskConfig as TaskConfig
    from flowsm.errors import FlowsmError as FlowsmError
    from flowsm.findings import Finding as Finding
    from flowsm.machine.compile import FlowMachine as FlowMachine
    from flowsm.machine.evaluate import ConditionEvaluator as ConditionEvaluator
    from flowsm.manager import FlowManager as FlowManager
    from flowsm.runtime.execution import FlowExecution as FlowExecution
    from flowsm.runtime.settings import Limits as Limits
    from flowsm.runtime.settings import Rate as Rate
    from flowsm.starting import ExecutionHandle as ExecutionHandle
    from flowsm.status import FlowStatus as FlowStatus
    from flowsm.status import TaskStatus as TaskStatus
    from flowsm.tasks.base import BaseTask as BaseTask
    from flowsm.tasks.context import TaskContext as TaskContext
    from flowsm.tasks.factory import TaskFactory as TaskFactory
    from flowsm.tasks.function import task as task
    from flowsm.tasks.result import TaskResult as TaskResult
    from flowsm.tasks.transaction import TransactionConnection as TransactionConnection

__version__: Final = "0.1.0"

_HOMES: Final = {
    "BaseTask": "flowsm.tasks.base",
    "ConditionConfig": "flowsm.definition.model",
    "ConditionEvaluator": "flowsm.machine.evaluate",
    "ExecutionHandle": "flowsm.starting",
    "Finding": "flowsm.findings",
    "FlowConfig": "flowsm.definition.model",
    "FlowExecution": "flowsm.runtime.execution",
    "FlowMachine": "flowsm.machine.compile",
    "FlowManager": "flowsm.manager",
    "FlowStatus": "flowsm.status",
    "FlowsmError": "flowsm.errors",
    "Limits": "flowsm.runtime.settings",
    "Rate": "flowsm.runtime.settings",
    "TaskConfig": "flowsm.definition.model",
    "TaskContext": "flowsm.tasks.context",
    "TaskFactory": "flowsm.tasks.factory",
    "TaskResult": "flowsm.tasks.result",
    "TaskStatus": "flowsm.status",
    "TransactionConnection": "flowsm.tasks.transaction",
    "check_flow": "flowsm.definition.load",
    "load_flow": "flowsm.definition.load",
    "task": "flowsm.tasks.function",
}

__all__ = [
    "BaseTask",
    "ConditionConfig",
    "ConditionEvaluator",
    "ExecutionHandle",
    "Finding",
    "FlowConfig",
    "FlowExecution",
    "FlowMachine",
    "FlowManager",
    "FlowStatus",
    "FlowsmError",
    "Limits",
    "Rate",
    "TaskConfig",
    "TaskContext",
    "TaskFactory",
    "TaskResult",
    "TaskStatus",
    "TransactionConnection",
    "check_flow",
    "load_flow",
    "task",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'flowsm' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
