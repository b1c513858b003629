"""Each server is started once and judged by every case; the right server for mutations is h11 on asyncio."""

from collections.abc import Iterator

import pytest

from conformance.message import Url
from conformance.servers import KEY, Server, running
from conformance.target import Target

TIMEOUT = 5.0


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One of `SERVERS`, by indirect parametrisation."""
    with running(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def target(server: Server) -> Target:
    return Target(Url.parse(server.url), key=KEY, timeout=TIMEOUT)


@pytest.fixture(scope="session")
def right() -> Iterator[Target]:
    """The server that mutations are made of."""
    with running("h11-asyncio") as server:
        yield Target(Url.parse(server.url), key=KEY, timeout=TIMEOUT)
