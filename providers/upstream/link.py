# The way to one upstream: where it is, as whom we come, by which proxy, and what its refusals become.
from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import aclosing
from math import inf
from typing import Final
from urllib.parse import quote, urlsplit

import anyio
from pydantic import JsonValue, SecretStr

from g4f_proto import ApiError, InvalidRequest

from . import errors
from .pool import Pool
from .transport import Reply, Request, Transport
from .upstream import APIS, Upstream, is_proxy

__all__ = ("JSON", "Link", "headers_of")

log = logging.getLogger("g4f.providers.upstream")

JSON: Final = "application/json"
_LIST_TIMEOUT: Final = 10.0
_ERROR_TIMEOUT: Final = 5.0  #: seconds for the body of a refusal
_LONGEST_ERROR: Final = 64 * 1024


class Link:
    """Requests to one upstream, and replies that are a success."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.tells_usage = upstream.stream_usage  #: until an answer was without: then it is counted here
        self._headers = headers_of(upstream)
        self._of_json = (*self._headers, ("content-type", JSON))
        self._secrets = _secrets(upstream)
        self._transport = self._open(upstream.base_url, upstream.proxy)

    def _open(self, base_url: str, proxy: SecretStr | None) -> Transport:
        connect = self.upstream.timeouts.connect
        if proxy is None and not self.upstream.http2:
            return Pool(base_url, connect=connect)
        from .proxied import Proxied  # httpx2 is an extra, and takes 0.1 s to import

        return Proxied(base_url, connect=connect, proxy=proxy, http2=self.upstream.http2)

    async def post(
        self,
        endpoint: str,
        body: bytes,
        *,
        model: str,
        asked: Mapping[str, JsonValue],
        type: str = JSON,
        deadline: float = inf,
    ) -> Reply:
        """The reply to a request, when it is a success; close it.

        :param endpoint: ``/chat/completions``.
        :param asked: the client's own request: it may name a proxy, where the operator allows that.
        :raises ApiError: it is none, or there is no reply.
        """
        headers = self._of_json if type == JSON else (*self._headers, ("content-type", type))
        request = Request("POST", self._path(endpoint, model), headers, body)
        return await self.succeed(await self.send(request, asked=asked, deadline=deadline))

    async def get(self, path: str, *, asked: Mapping[str, JsonValue], deadline: float = inf) -> Reply:
        """The same without a body."""
        request = Request("GET", path, self._headers)
        return await self.succeed(await self.send(request, asked=asked, deadline=deadline))

    async def send(self, request: Request, *, asked: Mapping[str, JsonValue], deadline: float = inf) -> Reply:
        """The reply to a request, whatever its status; close it.

        :raises ApiError: there is none.
        """
        proxy = self.proxy(asked)
        # httpx2 does not reset a stream of HTTP/2 that is left; a connection of its own can be closed.
        if proxy == self.upstream.proxy and not self.upstream.http2:
            return await self._transport.send(request, deadline=deadline)
        try:
            transport = self._open(self.upstream.base_url, proxy)
        except ValueError:
            raise _no_proxy() from None
        try:
            reply = await transport.send(request, deadline=deadline)
        except BaseException:
            await transport.aclose()
            raise
        reply.last = transport
        return reply

    def proxy(self, asked: Mapping[str, JsonValue]) -> SecretStr | None:
        """The proxy a request goes through: the one it names, where the operator allows that, else the operator's.

        :raises InvalidRequest: it names one that can be none.
        """
        named = asked.get("proxy") if self.upstream.any_proxy else None
        if named in (None, ""):
            return self.upstream.proxy
        if not isinstance(named, str) or not is_proxy(named):
            raise _no_proxy()
        return SecretStr(named)

    async def succeed(self, reply: Reply) -> Reply:
        """The same reply.

        :raises ApiError: it is a refusal.
        """
        if 200 <= reply.status <= 299:
            return reply
        async with aclosing(reply):
            raise await self._refused(reply)

    def _path(self, endpoint: str, model: str) -> str:
        version = self.upstream.api_version
        if not version:
            return endpoint
        return f"/deployments/{quote(model, safe='')}{endpoint}?api-version={quote(version)}"

    async def models(self) -> bytes:
        """Its list of models.

        :raises ApiError: it does not tell, within ten seconds.
        """
        url = self.upstream.models_url or self.upstream.base_url + APIS[self.upstream.api].models
        if self.upstream.api_version:
            url += f"?api-version={quote(self.upstream.api_version)}"
        _, body = await self.fetch(url, seconds=_LIST_TIMEOUT)
        return body

    async def fetch(self, address: str, *, seconds: float) -> tuple[str, bytes]:
        """The media type and the body of what is at an address of the upstream's.

        :raises ApiError: nothing is, or it does not come in time.
        """
        url = urlsplit(address)
        transport = self._open(f"{url.scheme}://{url.netloc}", self.upstream.proxy)
        deadline = anyio.current_time() + seconds
        request = Request("GET", f"{url.path or '/'}?{url.query}" if url.query else url.path or "/", self._headers)
        try:
            reply = await transport.send(request, deadline=deadline)
            async with aclosing(reply):
                if reply.status != 200:
                    raise await self._refused(reply)
                kind = reply.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
                return kind, await reply.read(deadline=deadline)
        finally:
            await transport.aclose()

    def owns(self, address: str) -> bool:
        """Whether an address is on the upstream's own host, which the operator chose."""
        return urlsplit(address)[:2] == urlsplit(self.upstream.base_url)[:2]

    async def _refused(self, reply: Reply) -> ApiError:
        try:
            body = await reply.read(limit=_LONGEST_ERROR, deadline=anyio.current_time() + _ERROR_TIMEOUT)
        except ApiError:
            body = b""
        log.warning("%s answered with status %d", self.upstream.name, reply.status)
        return errors.refused(reply.status, reply.headers, body, secrets=self._secrets)

    def reported(self, error: JsonValue) -> ApiError:
        """An error object in a reply that is a success by its status."""
        return errors.reported(error, secrets=self._secrets)

    async def aclose(self) -> None:
        """Close what is idle."""
        await self._transport.aclose()


def _no_proxy() -> ApiError:
    return InvalidRequest("'proxy' must be an http, https or socks5 URL.", param="proxy", code="invalid_value")


def headers_of(upstream: Upstream) -> tuple[tuple[str, str], ...]:
    """What every request carries. Nothing is asked to be packed: inflating costs more than the wire."""
    headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "g4f-proto"}
    api = APIS[upstream.api]
    headers |= api.headers
    if upstream.key is not None:
        key, name = upstream.key.get_secret_value(), upstream.key_header or api.key_header
        headers |= {name.lower(): key} if name else {"authorization": f"Bearer {key}"}
    headers |= {name.lower(): value.get_secret_value() for name, value in upstream.headers.items()}
    return tuple(headers.items())


def _secrets(upstream: Upstream) -> tuple[str, ...]:
    """What must stand in no message, the longest first: one may be a part of another."""
    url = urlsplit(upstream.base_url)
    found = {url.netloc, url.hostname or "", url.path, upstream.key.get_secret_value() if upstream.key else ""}
    found |= {value.get_secret_value() for value in upstream.headers.values()}
    found |= {json.dumps(secret)[1:-1] for secret in found}  # as it stands in a document
    return tuple(sorted((secret for secret in found if len(secret) > 3), key=len, reverse=True))
