# Every async test runs on asyncio and trio; `jump` is trio with a clock that jumps to the next deadline.
from __future__ import annotations

from typing import Any

import pytest
import trio.testing

LOOPS: list[Any] = [
    pytest.param(("asyncio", {"debug": True}), id="asyncio"),
    pytest.param(("trio", {}), id="trio"),
]


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def jump() -> tuple[str, dict[str, Any]]:
    """``anyio.run(test, backend=jump[0], backend_options=jump[1])``: no real second passes."""
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
