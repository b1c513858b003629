# Which upstreams there are: those the operator's config file names, then those of the table whose variable is set.
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from .config import Entry, Misread, is_header_value
from .table import UPSTREAMS
from .upstream import APIS, Upstream

__all__ = ("chosen",)


def chosen(
    entries: Mapping[str, Entry],
    environ: Mapping[str, str],
    *,
    always: Collection[str] = (),
    ignored: Collection[str] = (),
    proxy: SecretStr | None = None,
    any_proxy: bool = False,
) -> Sequence[Upstream]:
    """The upstreams in the operator's order.

    :param always: names in the table of those that are there whatever the environment has.
    :param ignored: names of those that shall not be there.
    :param proxy: for all that have none of their own and are not on this machine.
    :param any_proxy: a request may name another proxy.
    :raises Misread: an entry lacks what it needs, or a key can be no key.
    """
    known = {one.upstream.name: one for one in UPSTREAMS}
    found = [_made(name, entry, environ) for name, entry in entries.items()]
    found += [
        one.found(environ)
        for name, one in known.items()
        if name not in entries and (name in always or one.wanted(environ))
    ]
    for upstream in found:
        if upstream.key is not None and not is_header_value(upstream.key):
            raise Misread(f"the key of the provider '{upstream.name}' has characters that no key has")
    return [
        replace(
            upstream,
            proxy=upstream.proxy or (None if _is_here(upstream.base_url) else proxy),
            any_proxy=upstream.any_proxy or any_proxy,
        )
        for upstream in found
        if upstream.name not in ignored
    ]


def _is_here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _made(name: str, entry: Entry, environ: Mapping[str, str]) -> Upstream:
    known = next((one for one in UPSTREAMS if one.upstream.name == name), None)
    upstream = known.found(environ) if known else Upstream(name=name, label=name, base_url="")
    said: dict[str, Any] = {field: getattr(entry, field) for field in _SAME if getattr(entry, field) is not None}
    if entry.api_key_env is not None:
        key = environ.get(entry.api_key_env, "").strip()
        if not key:
            raise Misread(f"providers.{name}.api_key_env: the variable {entry.api_key_env} is not set")
        said["key"] = SecretStr(key)
    elif entry.api_key is not None:
        said["key"] = entry.api_key
    if entry.base_url is not None:
        said["base_url"] = entry.base_url.rstrip("/")
    if entry.models is not None:
        said["models"] = tuple(entry.models)
    if entry.native is not None:
        said["native"] = frozenset(entry.native)
    elif entry.api is not None and entry.api != upstream.api:
        said["native"] = APIS[entry.api].native
    if entry.request_proxy is not None:
        said["any_proxy"] = entry.request_proxy
    waits = entry.timeouts.model_dump(exclude_none=True)
    upstream = replace(upstream, **said, timeouts=replace(upstream.timeouts, **waits))
    if not upstream.base_url:
        raise Misread(f"providers.{name}: 'base_url' is missing")
    return upstream


#: Fields that an entry and an upstream have in common.
_SAME = (
    "api", "label", "url", "key_header", "default_model", "names", "headers", "stream_usage", "completions",
    "api_version", "developer_role", "strict", "think_tags", "proxy", "http2",
)  # fmt: skip
