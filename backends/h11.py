# The raw server: h11 over anyio, on asyncio, uvloop and trio. `python -m backends.h11`
#
# The reference backend: nothing between the machine and the socket but HTTP's syntax. `connection.py` has the life of
# one connection; here is the server's: accept, cap, drain.
from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import ByteStream, Listener

from g4f_proto import Overloaded
from providers.wire import listening

from .command import Backend, main
from .connection import Connection, Timeouts
from .service import Service
from .stop import GRACE, until_stopped
from .tls import Certificate, QuietTLSListener

__all__ = ("BACKEND", "serve")

MAX_CONNECTIONS: Final = 4096  #: nginx: 512 a worker; a connection that streams costs about 50 kB here
PAUSE: Final = 1.0  #: seconds until it is tried again to accept, when no descriptor is free: asyncio's

log = logging.getLogger("g4f.h11")


async def serve(
    service: Service,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    certificate: Certificate | None = None,
    grace: float = GRACE,
    timeouts: Timeouts | None = None,
    max_connections: int = MAX_CONNECTIONS,
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT, then drain. `ready` is called when requests are answered."""
    connections: set[Connection] = set()

    async def accept(stream: ByteStream) -> None:
        connection = Connection(stream, service, timeouts or Timeouts())
        try:
            if len(connections) >= max_connections:
                await connection.turn_away(Overloaded("The server has no room for another connection.", retry_after=1))
            else:
                connections.add(connection)
                await connection.run()
        except Exception:  # a defect must end one connection, not the server
            log.exception("a connection failed")
        finally:
            connections.discard(connection)

    async with service, anyio.create_task_group() as tasks:
        server: Listener[ByteStream] = await listening(listener)
        if certificate is not None:
            server = QuietTLSListener(server, certificate.context(), standard_compatible=False)

        async def listen() -> None:
            with suppress(anyio.ClosedResourceError):  # `refuse` closed it
                while True:
                    try:
                        await server.serve(accept, tasks)
                    except (anyio.BrokenResourceError, OSError) as error:  # trio's; the other loops go on by themselves
                        log.error("cannot accept a connection: %s", error.__cause__ or error)
                        await anyio.sleep(PAUSE)

        async def refuse() -> None:
            await server.aclose()
            for connection in connections:
                connection.drain()

        tasks.start_soon(listen)
        ready()
        await until_stopped(service, grace=grace, refuse=refuse)
        tasks.cancel_scope.cancel()


BACKEND = Backend(name="h11", serve=serve, loops=("auto", "asyncio", "uvloop", "trio"))

if __name__ == "__main__":
    main(BACKEND)
