# The operator's config file: TOML, `[providers.NAME]`. What is wrong with it is told with its file, line and key.
from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from .upstream import APIS, Speaks, is_address, is_proxy

__all__ = ("Entry", "Misread", "Proxy", "read_config")

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"  # it stands in paths, and before the colon of `NAME:model`
_FIELD: Final = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")  # "token" - RFC 9110 section 5.6.2
#: Fields that frame the message: a value of one's own would make two messages of one.
_FRAMING: Final = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding", "upgrade"})
_LINE: Final = re.compile(r"^\s*(?:(?P<table>\[[^\]]+\])\s*(?:#.*)?|(?P<key>[^=#\[]+?)\s*=.*)$")

_PARAMETERS: Final = frozenset(name for api in APIS.values() for name in api.native)
Seconds = Annotated[float, Field(gt=0, le=86400)]
Text = Annotated[str, Field(min_length=1, max_length=512)]


def _proxy(value: SecretStr) -> SecretStr:
    if not is_proxy(value.get_secret_value()):
        raise ValueError("must be http://, https:// or socks5:// with a host")
    return value


Proxy = Annotated[SecretStr, AfterValidator(_proxy)]  #: a secret, because it may hold a password


class Misread(ValueError):
    """The file cannot be read as what it should be; the message is one line with its name and, if known, the line."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Waits(_Strict):
    """``timeouts = {connect = 5, first = 60, between = 30}``."""

    connect: Seconds | None = None
    first: Seconds | None = None
    between: Seconds | None = None


class Entry(_Strict):
    """One ``[providers.NAME]``; of a name in the table, only what differs need be said."""

    base_url: Annotated[str | None, Field(description="where its paths begin: `https://host/v1`")] = None
    api: Annotated[
        Speaks | None,
        Field(
            description="what it is asked chats with: `chat`, `responses`, Anthropic's `messages`; without it `chat`"
        ),
    ] = None
    label: Annotated[Text | None, Field(description="its name for people")] = None
    url: Annotated[Text | None, Field(description="its home page")] = None
    api_key: Annotated[SecretStr | None, Field(description="the key, or")] = None
    api_key_env: Annotated[Text | None, Field(description="the variable that holds it")] = None
    key_header: Annotated[
        Text | None, Field(description="the header the key goes into, instead of `Authorization: Bearer`")
    ] = None
    models: Annotated[list[Text] | None, Field(description="what it serves; without it, it is asked")] = None
    default_model: Annotated[
        Text | None,
        Field(description="what answers when only the provider is named; without it the first of its models"),
    ] = None
    native: Annotated[
        list[str] | None,
        Field(description="parameters of a chat that it honours, `vision` for images; without it all its API has"),
    ] = None
    names: Annotated[
        dict[str, str] | None, Field(description='parameters that have another name there: `{seed = "random_seed"}`')
    ] = None
    developer_role: Annotated[
        bool | None,
        Field(description="it knows the role `developer`, `true` without it; else such messages are `system`'s"),
    ] = None
    strict: Annotated[
        bool | None,
        Field(description="it refuses fields that it does not know; `user`, `store` and the like are left out"),
    ] = None
    think_tags: Annotated[
        bool | None, Field(description="its models think aloud in `<think>` tags, which become reasoning")
    ] = None
    headers: Annotated[dict[str, SecretStr] | None, Field(description="header fields to send along")] = None
    stream_usage: Annotated[
        bool | None, Field(description="it knows `stream_options.include_usage`; `true` without it")
    ] = None
    completions: Annotated[
        bool | None, Field(description="it has `/completions`; without it, prompts become chats")
    ] = None
    api_version: Annotated[Text | None, Field(description="Azure's older API: models are deployments in the path")] = (
        None
    )
    proxy: Annotated[Proxy | None, Field(description="`http://`, `https://` or `socks5://`, instead of `--proxy`")] = (
        None
    )
    request_proxy: Annotated[bool | None, Field(description="a request may choose its own proxy")] = None
    http2: Annotated[
        bool | None, Field(description="HTTP/2 where TLS agrees on it, each request over a connection of its own")
    ] = None
    timeouts: Annotated[Waits, Field(description="seconds: `{connect = 10, first = 300, between = 120}`")] = Waits()

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not is_address(value):
            raise ValueError("must be http://... or https://... in ASCII, without a user, a query or a fragment")
        return value

    @field_validator("native")
    @classmethod
    def _are_parameters(cls, value: list[str] | None) -> list[str] | None:
        for name in value or ():
            if name not in _PARAMETERS:
                raise ValueError(f"'{name}' is none of: {', '.join(sorted(_PARAMETERS))}")
        return value

    @field_validator("key_header")
    @classmethod
    def _is_key_header(cls, value: str | None) -> str | None:
        if value is not None:
            _is_header(value)
        return value

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, SecretStr] | None) -> dict[str, SecretStr] | None:
        for name, text in (value or {}).items():
            _is_header(name)
            if not is_header_value(text):
                raise ValueError(f"the value of {name!r} is no header's")
        return value

    @field_validator("api_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_header_value(value):
            raise ValueError("must be printable ASCII")
        return value

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.api_key is not None and self.api_key_env is not None:
            raise ValueError("'api_key' and 'api_key_env' are two ways to say one thing")
        return self


class _File(_Strict):
    providers: dict[Annotated[str, Field(pattern=_NAME, max_length=64)], Entry] = {}


def _is_header(name: str) -> None:
    if not _FIELD.fullmatch(name) or name.lower() in _FRAMING:
        raise ValueError(f"{name!r} is no header that can be set")


def is_header_value(secret: SecretStr) -> bool:
    """Whether it can stand in a header: visible ASCII, blanks within."""
    text = secret.get_secret_value()
    return text.isascii() and text.isprintable() and text == text.strip() and text != ""


def read_config(path: Path) -> Mapping[str, Entry]:
    """The providers a config file names, in its order.

    :raises Misread: there is no such file, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise Misread(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, RecursionError):
        raise Misread(f"{path}: not TOML in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise Misread(f"{path}: {error}") from None
    try:
        return _File.model_validate(document).providers
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        keys = [str(part) for part in first["loc"] if part != "[key]"]
        where = ".".join(key for key in keys)
        told = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            told = "unknown key"
        raise Misread(f"{path}:{line_of(text, keys)}: {where}: {told}") from None


def line_of(text: str, keys: list[str]) -> int:
    """The line in which the longest part of a key's path is said; tomllib does not tell."""
    table: list[str] = []
    best, found = 0, 1
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.match(line)
        if match is None:
            continue
        if match["table"]:
            path = table = _path(f"{match['table']}\n")
        else:
            path = table + _path(f"{match['key']} = 0\n")
        if len(path) > best and path == keys[: len(path)]:
            best, found = len(path), number
    return found


def _path(line: str) -> list[str]:
    """The keys of one line, ``[a."b.c"]`` or ``a.b = 0``."""
    try:
        value: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:  # a line of a longer value
        return ["\0"]
    path: list[str] = []
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        path.append(key)
    return path
