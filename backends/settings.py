# What the operator can set, once: the environment (`G4F_*`) under the command line, and a Service made of it.
#
# A blank variable is one that is not set: `G4F_API_KEY=` in a compose file must not become an empty key.
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from providers import MediaStore, Provider, Scripted
from providers.hibari import Hibari
from providers.local import Local
from providers.minilm import MiniLM
from providers.painter import Painter
from providers.whisper import Whisper

from .service import Service

__all__ = ("PROVIDERS", "Settings", "is_loopback", "make_service", "read_aliases")

#: The providers that come with the package, in the order they are asked.
PROVIDERS: dict[str, type[Provider]] = {
    "Local": Local,
    "MiniLM": MiniLM,
    "Hibari": Hibari,
    "Whisper": Whisper,
    "Painter": Painter,
    "Scripted": Scripted,
}


def read_aliases(pairs: Iterable[str]) -> dict[str, str]:
    """``["gpt-4o=smollm2"]`` as what it says.

    :raises ValueError: one of them is not NAME=MODEL.
    """
    aliases = {}
    for pair in pairs:
        name, _, model = pair.partition("=")
        if not name or not model:
            raise ValueError(f"'{pair}' is not NAME=MODEL")
        aliases[name] = model
    return aliases


def _from_variable(value: object) -> object:
    # The variable holds what `--alias` would, one after another, with blanks between: a model's options have commas.
    return read_aliases(value.split()) if isinstance(value, str) else value


def _names(value: object) -> object:
    given = [value] if isinstance(value, str) else value
    assert isinstance(given, list | tuple)
    return tuple(name for one in given for name in str(one).replace(",", " ").split())


class Settings(BaseSettings):
    """The operator's settings; every field has an option and a variable of the same name."""

    model_config = SettingsConfigDict(env_prefix="G4F_", env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 1337
    provider: str | None = None
    model: str | None = None
    alias: Annotated[dict[str, str], NoDecode, BeforeValidator(_from_variable)] = {}
    api_key: str | None = None
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")] | None = None
    media_dir: Path | None = None
    debug: bool = False
    gui: bool = False
    ignored_providers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    rate: Annotated[int, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 600.0
    keepalive: Annotated[float, Field(gt=0)] = 15.0


def make_service(settings: Settings, *, exposed: bool | None = None) -> Service:
    """A service of the providers that come with the package.

    :param exposed: other machines can reach it; None: as `settings.host` says.
    :raises ValueError: a setting names a provider there is not.
    """
    providers = [make() for name, make in PROVIDERS.items() if name not in settings.ignored_providers]
    names = [provider.info.name for provider in providers]
    for name in (settings.provider, *settings.ignored_providers):
        if name is not None and name not in (*names, *PROVIDERS, *settings.alias):
            raise ValueError(f"unknown provider '{name}'; there are: {', '.join(names)}")
    return Service(
        providers,
        aliases=settings.alias,
        default_model=settings.model,
        default_provider=settings.provider,
        keys=[settings.api_key] if settings.api_key else [],
        rate=settings.rate,
        gui=files(__package__).joinpath("gui.html").read_bytes() if settings.gui else b"",
        exposed=not is_loopback(settings.host) if exposed is None else exposed,
        timeout=settings.timeout,
        quiet_limit=settings.keepalive,
        public_url=settings.public_url or "",
        media=MediaStore(settings.media_dir),
        version=_version(),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version() -> str:
    try:
        return version("g4f-proto")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
