"""The drop-in names of the G4F REST API: configure with `AppConfig`, serve with `run_api`, or deploy `create_app`.

    from g4f.api import AppConfig, run_api

    AppConfig.set_config(g4f_api_key="your-secret-key", model="smollm2")
    run_api(host="0.0.0.0", port=8080)

What is not set here comes from the environment, as for the command line: `docs/settings.md`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, ClassVar

from backends.command import load, run
from backends.settings import Settings, make_service

if TYPE_CHECKING:
    import quart

__all__ = ("AppConfig", "create_app", "run_api")


class AppConfig:
    """The settings of this process; :meth:`set_config` changes them, and None means: as the environment says."""

    given: ClassVar[dict[str, object]] = {}

    @classmethod
    def set_config(
        cls,
        *,
        g4f_api_key: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        proxy: str | None = None,
        timeout: float | None = None,
        ignored_providers: Sequence[str] | None = None,
        gui: bool | None = None,
        demo: bool | None = None,
    ) -> None:
        """Set what is given and leave the rest as it is.

        :raises ValueError: `demo`: an open server with made-up users is not to be had here.
        """
        if demo:
            raise ValueError("there is no demo mode: set g4f_api_key, or serve on this machine only")
        settings: dict[str, object] = {
            "api_key": g4f_api_key,
            "provider": provider,
            "model": model,
            "proxy": proxy,
            "timeout": timeout,
            "ignored_providers": None if ignored_providers is None else tuple(ignored_providers),
            "gui": gui,
        }
        cls.given.update({name: value for name, value in settings.items() if value is not None})


def run_api(
    host: str | None = None,
    port: int | None = None,
    *,
    bind: str | None = None,
    debug: bool | None = None,
    backend: str = "h11",
) -> None:
    """Serve until a signal.

    :param bind: ``HOST:PORT``, instead of the two.
    :param backend: ``h11``, ``quart`` or ``sanic``.
    :raises click.ClickException: the server cannot start; the message says why.
    """
    if bind is not None:
        host, _, number = bind.rpartition(":")
        host, port = host.strip("[]") or host, int(number)
    run(load(backend), {**AppConfig.given, "host": host, "port": port, "debug": debug})


def create_app() -> quart.Quart:
    """An ASGI application for servers of your own choice, gunicorn with uvicorn's workers for one.

    Set a key: it is not known here who can reach that server. Each worker has its own conversations, so a client that
    goes on with one must reach the same worker.

    :raises ValueError: a setting is wrong.
    :raises MissingExtra: Quart is not installed.
    """
    from backends.quart import create_app as quart_app

    settings = Settings(**AppConfig.given)  # type: ignore[arg-type]  # pydantic looks at the values
    service = make_service(settings, exposed=True)
    app = quart_app(service)

    @app.while_serving
    async def serve() -> AsyncGenerator[None, None]:
        async with service:
            yield

    return app
