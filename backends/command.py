# The one command line of all backends, and what can go wrong before a server serves: one clear line, exit 2, no
# traceback.
from __future__ import annotations

import gc
import logging
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol

import anyio
import click
from pydantic import ValidationError

from .directory import Misconfigured
from .extras import MissingExtra, need
from .service import Service
from .settings import Settings, is_loopback, make_service, read_aliases
from .tls import Certificate

__all__ = ("BACKENDS", "BACKLOG", "OPTIONS", "Backend", "Failure", "listen", "load", "main", "run")

BACKLOG: Final = 1024  #: connections that wait to be accepted
BACKENDS: Final = ("h11", "quart", "sanic")


class Failure(click.ClickException):
    """What keeps the server from starting, in one line; the process exits with 2."""

    exit_code = 2


class Serve(Protocol):
    """A backend's server: serves on a listening socket until it is told to stop."""

    def __call__(
        self, service: Service, listener: socket.socket, ready: Callable[[], None], *, certificate: Certificate | None
    ) -> Coroutine[object, object, None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One way to listen, and the event loops it runs on, the default first."""

    name: str
    serve: Serve
    loops: tuple[str, ...]


def load(name: str) -> Backend:
    """The backend of that name.

    :raises Failure: a package it needs is not installed.
    """
    try:
        backend = import_module(f"backends.{name}").BACKEND
    except MissingExtra as error:
        raise Failure(str(error)) from None
    assert isinstance(backend, Backend)
    return backend


def _aliases(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str] | None:
    try:
        return read_aliases(given) or None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _given(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...] | None:
    return given or None


def _default(name: str) -> str:
    value = Settings.model_fields[name].default
    return f"[default: {value:g}]" if isinstance(value, float) else f"[default: {value}]"


_RARELY: Final = 10_000  #: objects made and not freed before cycles are looked for; CPython's own is 700
#: The options of every command that starts a server; one that is not given is left to the environment.
OPTIONS: Final = (
    click.Option(["--host"], help=f"Address to listen on.  {_default('host')}"),
    click.Option(["--port"], type=int, help=f"Port to listen on; 0 takes a free one.  {_default('port')}"),
    click.Option(["--provider"], help="The provider that answers requests which name none."),
    click.Option(["--model"], help="The model that answers requests which name none."),
    click.Option(
        ["--alias"],
        multiple=True,
        callback=_aliases,
        metavar="NAME=MODEL",
        help="Answer NAME with MODEL; repeatable; '*=MODEL' catches every name nobody serves.",
    ),
    click.Option(
        ["--g4f-api-key", "api_key"], multiple=True, callback=_given, help="A key that clients must send; repeatable."
    ),
    click.Option(
        ["--origin"],
        multiple=True,
        callback=_given,
        metavar="URL",
        help="A web origin whose pages may call the API from a browser, https://app.example; repeatable.",
    ),
    click.Option(
        ["--public-url"],
        metavar="URL",
        help="Where clients reach this server, for addresses of images.  [default: where the request came to]",
    ),
    click.Option(["--media-dir"], metavar="FOLDER", help="Where images are kept.  [default: in the data folder]"),
    click.Option(
        ["--media-size"], type=float, help=f"Megabytes of images kept; the oldest go first.  {_default('media_size')}"
    ),
    click.Option(["--media-age"], type=float, help=f"Days an image is kept.  {_default('media_age')}"),
    click.Option(
        ["--cookies-dir"], metavar="FOLDER", help="Where uploaded cookies are kept.  [default: in the data folder]"
    ),
    click.Option(["--without-key"], is_flag=True, help="Listen beyond this machine although no key is set."),
    click.Option(["--rate"], type=int, help="Requests a minute that each key may make.  [default: any number]"),
    click.Option(
        ["--ignored-providers"],
        multiple=True,
        callback=_given,
        metavar="NAMES",
        help="Providers that are not to be asked; names with commas between, repeatable.",
    ),
    click.Option(["--gui"], is_flag=True, default=None, help="Serve a page to chat with at '/'."),
    click.Option(["--debug"], is_flag=True, default=None, help="Log every request, and more."),
    click.Option(["--timeout"], type=float, help=f"Seconds an answer may take.  {_default('timeout')}"),
    click.Option(
        ["--keepalive"], type=float, help=f"Seconds of silence before a stream's ping.  {_default('keepalive')}"
    ),
    click.Option(["--config"], metavar="FILE", help="TOML file of upstreams; see docs/upstreams.md."),
    click.Option(["--proxy"], help="Proxy to the upstreams: http://, https:// or socks5://."),
    click.Option(["--request-proxy"], is_flag=True, default=None, help="Let each request choose a proxy of its own."),
    click.Option(["--ssl-certfile"], metavar="FILE", help="Serve HTTPS with this certificate chain, PEM."),
    click.Option(["--ssl-keyfile"], metavar="FILE", help="Its key, where the other file does not hold it."),
    click.Option(["--loop"], help="Event loop: auto (uvloop where installed), asyncio, uvloop, trio.  [default: auto]"),
)


def main(backend: Backend) -> None:
    """The command of one backend: ``python -m backends.NAME``."""

    click.Command(
        f"python -m backends.{backend.name}",
        callback=lambda **given: run(backend, given),
        params=list(OPTIONS),
        help=f"Serve the API with the {backend.name} backend.",
    )()


def run(backend: Backend, given: Mapping[str, object]) -> None:
    """Serve until a signal; `given` are the values of :data:`OPTIONS`, those that are None left to the environment.

    :raises Failure: the server cannot start.
    """
    said = {name: value for name, value in given.items() if value is not None}
    without_key, loop = said.pop("without_key", False), str(said.pop("loop", "auto"))
    try:
        settings = Settings(**said)  # type: ignore[arg-type]  # pydantic looks at the values
        service = make_service(settings)
        certificate = Certificate(settings.ssl_certfile, settings.ssl_keyfile) if settings.ssl_certfile else None
        if certificate is not None:
            certificate.context()
    except ValidationError as error:
        first = error.errors()[0]
        raise Failure(f"invalid {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, MissingExtra) as error:
        raise Failure(str(error)) from None
    logging.basicConfig(stream=sys.stderr)
    if settings.debug:  # only ours: the libraries of HTTP/2 and of SOCKS tell headers and passwords
        logging.getLogger("g4f").setLevel(logging.DEBUG)
    if not (settings.api_key or without_key or is_loopback(settings.host)):
        raise Failure(f"{settings.host} is reachable from other machines: set --g4f-api-key, or say --without-key")
    name, uvloop = _choose_loop(backend, loop)
    listener = listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    url = f"http{'s' if certificate else ''}://{f'[{host}]' if ':' in host else host}:{port}"

    def ready() -> None:
        # What was made to start with stays, and a request leaves no cycles behind: not to look for them again and again
        # saves a tenth of a request.
        gc.freeze()
        gc.set_threshold(_RARELY, *gc.get_threshold()[1:])
        click.echo(f"Listening on {url}", err=True)

    try:
        anyio.run(
            partial(backend.serve, service, listener, ready, certificate=certificate),
            backend=name,
            backend_options={"use_uvloop": uvloop} if name == "asyncio" else {},
        )
    except Misconfigured as error:
        raise Failure(str(error)) from None


def _choose_loop(backend: Backend, loop: str) -> tuple[str, bool]:
    if loop not in backend.loops:
        raise Failure(f"the {backend.name} backend runs on: {', '.join(backend.loops)}; not on '{loop}'")
    if loop == "auto":
        return "asyncio", find_spec("uvloop") is not None
    if loop != "asyncio":
        try:
            need(loop, extra=loop)
        except MissingExtra as error:
            raise Failure(str(error)) from None
    return ("trio", False) if loop == "trio" else ("asyncio", loop == "uvloop")


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # IPPROTO_TCP is said because asyncio switches Nagle's delay off only where it stands.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise Failure(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener
