# The machine behind Sanic's own server. `python -m backends.sanic`
#
# `create_app` makes an ordinary Sanic application. One handler answers every path, and what Sanic refuses by itself
# (a method or path without a route, malformed HTTP) is answered by the machine too, because paths, methods and errors
# are the machine's to judge. Sanic's own 503 after 60 seconds of silence is switched off.
from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from .extras import need

need("sanic", extra="sanic", module=__name__)

import sanic
from sanic.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestCancelled, SanicException
from sanic.http import Http
from sanic.http.http1 import HTTP_CONTINUE
from sanic.response import HTTPResponse
from sanic.server.protocols.http_protocol import HttpProtocol

from g4f_proto import ApiError, Exchange, InternalError, InvalidRequest, KiB, State, TooManyHeaders

from .command import BACKLOG, Backend, main
from .date import date
from .frames import IDLE_TIMEOUT, Frames
from .service import Service
from .stop import GRACE, until_stopped
from .tls import Certificate

__all__ = ("BACKEND", "create_app", "serve")

log = logging.getLogger("g4f.sanic")

_LONGEST_SIZE: Final = 64  #: bytes of a chunk's size with its extensions
_SIZE: Final = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}[ \t]*(;[^\r\n]*)?\r\n")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def create_app(service: Service) -> sanic.Sanic[sanic.Config, SimpleNamespace]:
    """A Sanic application that answers with `service`, which must be entered while it serves."""
    app: sanic.Sanic[sanic.Config, SimpleNamespace] = sanic.Sanic(
        "g4f", configure_logging=False, request_class=_Request
    )
    app.config.update(
        ACCESS_LOG=False,
        KEEP_ALIVE_TIMEOUT=IDLE_TIMEOUT,
        REQUEST_TIMEOUT=60,
        RESPONSE_TIMEOUT=2**31,
        REQUEST_MAX_SIZE=2**62,  # the machine counts
        REQUEST_MAX_HEADER_SIZE=service.api.limits.headers + KiB,
        NOISY_EXCEPTIONS=False,
    )

    async def answer(request: sanic.Request, path: str = "") -> HTTPResponse | None:
        _check(request)
        headers = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in request.headers.items()}
        exchange = service.exchange(request.method, request.raw_url, headers)
        frames = Frames(exchange, service)
        try:
            assert isinstance(request.stream, Http)
            # A body that is here whole, as nearly always, needs no clock.
            here = request.stream.request_bytes_left == len(request.stream.recv_buffer)
            await (frames.receive if here else frames.receive_in_time)(request.stream)
            # Sanic stops reading behind a large body, and does not see then that the client leaves.
            request.transport.resume_reading()  # type: ignore[attr-defined]  # every transport that reads has it
            first = await anext(frames)
            if frames.whole:
                return _response(exchange, first)
            response = await request.respond(_response(exchange, b""))
            await response.send(first)
            async for data in frames:
                await response.send(data, end_stream=frames.whole)
            if exchange.state is State.CLOSED:
                raise asyncio.CancelledError  # else Sanic would end a reply that was broken off as if it were whole
        except (asyncio.CancelledError, RequestCancelled):  # the client is gone, or must be left
            exchange.disconnect()
            raise
        finally:
            frames.close()
        return None

    @app.exception(Exception)
    async def refuse(request: sanic.Request, error: Exception) -> HTTPResponse | None:
        if isinstance(error, NotFound | MethodNotAllowed):
            return await answer(request)
        exchange = service.exchange("GET", b"/", {})
        return _response(exchange, exchange.fail(_translate(error)))

    app.add_route(answer, "/<path:path>", methods=("GET", "POST", "HEAD", "OPTIONS"), stream=True)
    return app


def _response(exchange: Exchange, body: bytes) -> HTTPResponse:
    assert exchange.head is not None
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in exchange.head.headers}
    # "An origin server with a clock MUST generate a Date header field in all 2xx (Successful), 3xx (Redirection), and
    # 4xx (Client Error) responses" - RFC 9110 section 6.6.1; Sanic does not.
    headers["date"] = date().decode("ascii")
    return HTTPResponse(body, exchange.head.status, headers)


class _Request(sanic.Request):
    """A target that Sanic cannot parse is the machine's to refuse; Sanic would end in a traceback of its own."""

    def __init__(self, url_bytes: bytes, *args: Any, **options: Any) -> None:
        try:
            super().__init__(url_bytes, *args, **options)
            self.path  # noqa: B018  # fails where there is none: `http://host`
        except (SanicException, AttributeError):
            super().__init__(b"/", *args, **options)
            self.raw_url = url_bytes


class _Http(Http):
    """Sanic's parser, held to RFC 9112 section 7.1: by itself it takes chunk sizes like `0x5`, ` 5` and 2^128."""

    async def read(self) -> bytes | None:
        framing: object = self.request_body
        if self.request_bytes_left == 0 and framing == "chunked":
            if self.expecting_continue:
                self.expecting_continue = False
                await self._send(HTTP_CONTINUE)
            while self.recv_buffer.find(b"\r\n", 2) < 0 and len(self.recv_buffer) <= _LONGEST_SIZE:
                await self._receive_more()
            if not _SIZE.match(self.recv_buffer):
                self.keep_alive = False
                raise BadRequest("a chunk's size is malformed")
        data: bytes | None = await super().read()
        return data


class _Protocol(HttpProtocol):
    HTTP_CLASS = _Http


def _check(request: sanic.Request) -> None:
    """What Sanic's parser lets through although HTTP does not: RFC 9110 section 5.1, RFC 9112 sections 3.2 and 5."""
    hosts = request.headers.getall("host", [])
    if len(hosts) > 1 or (not hosts and request.version == "1.1"):
        raise BadRequest("there must be one Host")
    for name, value in request.headers.items():
        if not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise BadRequest("a header field is malformed")


def _translate(error: Exception) -> ApiError:
    if isinstance(error, SanicException) and 400 <= error.status_code < 500:
        if error.status_code == 413:
            return TooManyHeaders("The header fields are longer than this server reads.")
        return InvalidRequest(f"The request is not valid HTTP: {error}.", code="invalid_http", status=error.status_code)
    log.error("a request failed", exc_info=error)
    return InternalError("The server had an error while processing your request.")


async def serve(
    service: Service,
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    certificate: Certificate | None = None,
    grace: float = GRACE,
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT, then drain. `ready` is called when requests are answered."""
    app = create_app(service)

    async with service:
        context = None if certificate is None else certificate.context()
        server = await app.create_server(sock=listener, backlog=BACKLOG, protocol=_Protocol, ssl=context)
        assert server is not None
        await server.startup()
        await server.before_start()
        await server.start_serving()
        await server.after_start()

        async def refuse() -> None:
            server.close()
            for connection in tuple(server.connections):
                connection.close_if_idle()

        ready()
        await until_stopped(service, grace=grace, refuse=refuse)
        await server.before_stop()
        for connection in tuple(server.connections):
            connection.close()
        await server.after_stop()


BACKEND = Backend(name="sanic", serve=serve, loops=("auto", "asyncio", "uvloop"))

if __name__ == "__main__":
    main(BACKEND)
