"""All operations of the service, in the order in which they are described."""

from __future__ import annotations

from typing import Final

from flowsm.service.operation import Operation
from flowsm.service.routes.about import ABOUT
from flowsm.service.routes.catalogue import CATALOGUE
from flowsm.service.routes.checks import CHECKS
from flowsm.service.routes.docs import DOCS
from flowsm.service.routes.executions import EXECUTIONS
from flowsm.service.routes.files import FILES
from flowsm.service.routes.flows import FLOWS
from flowsm.service.routes.live import LIVE
from flowsm.service.routes.operators import OPERATORS
from flowsm.service.routes.replays import REPLAYS
from flowsm.service.routes.versions import VERSIONS

__all__ = ["AREAS", "OPERATIONS"]

AREAS: Final = (ABOUT, FLOWS, CHECKS, EXECUTIONS, REPLAYS, LIVE, OPERATORS, VERSIONS, FILES, CATALOGUE, DOCS)
OPERATIONS: Final[tuple[Operation, ...]] = tuple(operation for area in AREAS for operation in area.operations)
