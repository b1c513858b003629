# The machine behind Quart, served by Hypercorn. `python -m backends.quart`
#
# `create_app` makes an ordinary Quart application. One function answers every request before routing, because paths
# and methods are the machine's to judge. What Quart and Hypercorn would decide by themselves is switched off: Quart's
# limit on bodies answers in HTML, its 60 seconds for a response cut a stream silently, and what is no HTTP gets nothing
# but a status from Hypercorn.
from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Self, cast

from .extras import need

need("quart", extra="quart", module=__name__)
need("hypercorn", extra="quart", module=__name__)

import anyio
import h11
import hypercorn.protocol
import quart
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from quart.wrappers.response import DataBody, ResponseBody
from werkzeug.datastructures import Headers

from g4f_proto import Exchange, Head, InvalidRequest, KiB, State, TooManyHeaders

from .command import BACKLOG, Backend, main
from .frames import IDLE_TIMEOUT, Frames
from .service import Service
from .stop import GRACE, until_stopped
from .tls import Certificate

__all__ = ("BACKEND", "create_app", "serve")


def create_app(service: Service) -> quart.Quart:
    """A Quart application that answers with `service`, which must be entered while it serves."""
    app = _Quart("g4f", static_folder=None)
    app.service = service
    app.config.update(MAX_CONTENT_LENGTH=None, BODY_TIMEOUT=None, RESPONSE_TIMEOUT=None)

    @app.before_request
    async def answer() -> quart.Response:
        request = quart.request
        scope = cast("HTTPScope", request.scope)
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        exchange = service.exchange(scope["method"], target, dict(scope["headers"]))
        frames = Frames(exchange, service)
        try:
            await frames.receive_in_time(request.body)
            first = await anext(frames)
        except asyncio.CancelledError:  # the client is gone
            exchange.disconnect()
            frames.close()
            raise
        assert exchange.head is not None
        return _response(exchange.head, _Body(exchange, frames, first))

    @app.before_websocket
    async def refuse() -> quart.Response:
        exchange = service.exchange("GET", b"/", dict(quart.websocket.scope["headers"]))
        body = exchange.fail(InvalidRequest("There are no WebSockets here.", code="invalid_http"))
        assert exchange.head is not None
        return _response(exchange.head, DataBody(body))

    return app


class _BrokenOff(Exception):
    """The reply ends before its end, and the client must see that."""


class _Quart(quart.Quart):
    service: Service

    def create_url_adapter(self, request: object) -> None:
        """No routes are looked up: `answer` answers every request before they would be, and looking costs 40 us."""

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Nothing here reads `path`, and Quart would fail on some that is a whole URL."""
        if scope["type"] == "http" and not scope["path"].startswith("/"):
            scope["path"] = "/"
        # Then the server sees an application that did not finish, and closes the connection without the reply's end.
        try:
            await super().asgi_app(scope, receive, send)
        except* _BrokenOff:  # in a group of its own since Quart 0.23
            pass


class _H11Protocol(H11Protocol):
    """What is no HTTP is refused in the machine's words, where the application is ours."""

    async def _send_error_response(self, status_code: int) -> None:
        app = getattr(self.app, "app", None)
        if not isinstance(app, _Quart):
            await super()._send_error_response(status_code)
            return
        exchange = app.service.exchange("GET", b"/", {})
        body = exchange.fail(
            TooManyHeaders("The header fields are longer than this server reads.")
            if status_code == 431
            else InvalidRequest("The request is not valid HTTP.", code="invalid_http", status=status_code)
        )
        assert exchange.head is not None
        fields = [*exchange.head.headers, (b"connection", b"close"), *self.config.response_headers("h11")]
        await self._send_h11_event(h11.Response(status_code=exchange.head.status, headers=fields))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


hypercorn.protocol.H11Protocol = _H11Protocol  # type: ignore[attr-defined]  # there is no other place for it


def _response(head: Head, body: ResponseBody) -> quart.Response:
    response = quart.Response(body, head.status)
    # Set and not passed: Quart would add its default content type to a reply that has none.
    response.headers = Headers([(name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers])
    response.timeout = None
    return response


class _Body(ResponseBody):
    """The reply's buffers, the first of them made already; Quart enters, iterates and leaves it in one task."""

    def __init__(self, exchange: Exchange, frames: Frames, first: bytes) -> None:
        self._exchange = exchange
        self._frames = frames
        self._first = first

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        self._exchange.disconnect()  # does nothing when the reply is complete
        self._frames.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        async for data in self._frames:
            yield data
        if self._exchange.state is State.CLOSED:
            raise _BrokenOff


async def serve(
    service: Service,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    certificate: Certificate | None = None,
    grace: float = GRACE,
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT, then drain. `ready` is called when requests are answered."""
    app, stopping = create_app(service), asyncio.Event()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    if certificate is not None:
        config.certfile, config.keyfile = str(certificate.chain), str(certificate.key or certificate.chain)
        config.alpn_protocols = ["http/1.1"]
    config.loglevel = "WARNING"
    config.backlog = BACKLOG
    config.h11_max_incomplete_size = service.api.limits.headers + KiB
    config.keep_alive_timeout = IDLE_TIMEOUT
    config.keep_alive_max_requests = 2**62
    config.graceful_timeout = grace + 5  # ours is shorter and says why

    async with service, anyio.create_task_group() as tasks:

        async def refuse() -> None:
            stopping.set()

        tasks.start_soon(_hypercorn, app, config, stopping)
        ready()
        await until_stopped(service, grace=grace, refuse=refuse)


async def _hypercorn(app: quart.Quart, config: Config, stopping: asyncio.Event) -> None:
    await hypercorn_serve(app, config, shutdown_trigger=stopping.wait)


BACKEND = Backend(name="quart", serve=serve, loops=("auto", "asyncio", "uvloop"))

if __name__ == "__main__":
    main(BACKEND)
