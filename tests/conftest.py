# Every async test runs on asyncio and trio; `jump` is trio with a clock that jumps to the next deadline.
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio.testing

LOOPS: list[Any] = [
    pytest.param(("asyncio", {"debug": True}), id="asyncio"),
    pytest.param(("trio", {}), id="trio"),
]


@pytest.fixture(scope="session", autouse=True)
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the servers that tests start keep what they make: not in the user's data folder."""
    folder = tmp_path_factory.mktemp("media")
    os.environ["G4F_MEDIA_DIR"] = str(folder)
    yield folder
    del os.environ["G4F_MEDIA_DIR"]


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def jump() -> tuple[str, dict[str, Any]]:
    """``anyio.run(test, backend=jump[0], backend_options=jump[1])``: no real second passes."""
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
