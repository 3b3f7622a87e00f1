from __future__ import annotations

import pytest

from flowsm.testing.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
