# What the operator can set, once: the environment (`G4F_*`) under the command line, and a Service made of it.
#
# A blank variable is one that is not set: `G4F_API_KEY=` in a compose file must not become an empty key.
from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from g4f_proto import MiB
from providers import CookieStore, MediaStore, Provider, Scripted
from providers.copilot import Copilot
from providers.hibari import Hibari
from providers.local import Local
from providers.minilm import MiniLM
from providers.painter import Painter
from providers.pollinations import PollinationsAI
from providers.upstream import UPSTREAMS, Entry, OpenAICompatible, Proxy, Upstream, chosen, read_config
from providers.whisper import Whisper

from .extras import need
from .service import Service

__all__ = ("PROVIDERS", "Settings", "is_loopback", "make_service", "read_aliases")

#: The providers that come with the package, in the order they are asked, behind the operator's upstreams.
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


def _keys(value: object) -> object:
    given = [value] if isinstance(value, str) else value
    assert isinstance(given, list | tuple)
    return tuple(key for one in given for key in str(one).split())  # keys may have commas, and no blanks


class Settings(BaseSettings):
    """The operator's settings; every field has an option and a variable of the same name."""

    model_config = SettingsConfigDict(env_prefix="G4F_", env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 1337
    provider: str | None = None
    model: str | None = None
    alias: Annotated[dict[str, str], NoDecode, BeforeValidator(_from_variable)] = {}
    api_key: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_keys), Field(repr=False)] = ()
    origin: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")] | None = None
    media_dir: Path | None = None
    media_size: Annotated[float, Field(gt=0)] = 1024.0
    media_age: Annotated[float, Field(gt=0)] = 7.0
    cookies_dir: Path | None = None
    debug: bool = False
    gui: bool = False
    ignored_providers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    rate: Annotated[int, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 600.0
    keepalive: Annotated[float, Field(gt=0)] = 15.0
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    config: Path | None = None
    proxy: Proxy | None = None
    request_proxy: bool = False


def make_service(settings: Settings, *, exposed: bool | None = None) -> Service:
    """A service of the operator's upstreams and the providers that come with the package.

    :param exposed: other machines can reach it; None: as `settings.host` says.
    :raises ValueError: a setting names a provider there is not, or the config file is wrong.
    :raises MissingExtra: a setting needs a package that is not installed.
    """
    entries = read_config(settings.config) if settings.config else {}
    cookies = CookieStore(settings.cookies_dir)
    providers = _providers(settings, entries, cookies)
    names = [provider.info.name for provider in providers]
    if settings.provider is not None and settings.provider not in (*names, *settings.alias):
        raise ValueError(f"unknown provider '{settings.provider}'; there are: {', '.join(names)}")
    return Service(
        providers,
        aliases=settings.alias,
        default_model=settings.model,
        default_provider=settings.provider,
        absent={
            one.upstream.name: one.wanting for one in UPSTREAMS if one.upstream.name not in settings.ignored_providers
        },
        keys=settings.api_key,
        origins=settings.origin,
        rate=settings.rate,
        scheme="https" if settings.ssl_certfile else "http",
        gui=files(__package__).joinpath("gui.html").read_bytes() if settings.gui else b"",
        exposed=not is_loopback(settings.host) if exposed is None else exposed,
        timeout=settings.timeout,
        quiet_limit=settings.keepalive,
        public_url=settings.public_url or "",
        media=MediaStore(
            settings.media_dir, room=int(settings.media_size * MiB), age=settings.media_age * 24 * 60 * 60
        ),
        cookies=cookies,
        version=_version(),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _providers(settings: Settings, entries: Mapping[str, Entry], cookies: CookieStore) -> Sequence[Provider]:
    upstreams = chosen(
        entries,
        os.environ,
        always={"Copilot"},  # cookies may be uploaded at any time
        ignored=settings.ignored_providers,
        proxy=settings.proxy,
        any_proxy=settings.request_proxy,
    )
    for upstream in upstreams:
        if upstream.name in PROVIDERS:
            raise ValueError(f"the name '{upstream.name}' belongs to a provider that comes with the package")
        if upstream.proxy or upstream.any_proxy or upstream.http2:
            need("httpx2", extra="proxy")
    adapters: Mapping[str, Callable[[Upstream], Provider]] = {
        "Copilot": partial(Copilot, cookies=cookies),
        "PollinationsAI": PollinationsAI,
    }
    asked = [adapters.get(upstream.name, OpenAICompatible)(upstream) for upstream in upstreams]
    own = [make() for name, make in PROVIDERS.items() if name not in settings.ignored_providers]
    return [*asked, *own]


def _version() -> str:
    try:
        return version("g4f-proto")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
