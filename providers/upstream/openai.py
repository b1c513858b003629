# The adapter for everything that speaks OpenAI's API: a call out, the events of its reply in.
#
# The hot path of a gateway. What one read of the socket brings is decoded and handed on at once, text as it came. An
# answer is asked for as the client wants it, as a stream or in one piece: one document costs a tenth of its chunks.
# Closing the generator, or cancelling its task, closes the connection, by which upstreams know that nobody listens.
from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from math import inf
from typing import Final
from urllib.parse import urlsplit

import anyio
from pydantic import JsonValue

from g4f_proto import (
    ApiError,
    Call,
    ChatCall,
    ChatStreamReader,
    Model,
    ProviderEvent,
    ProviderInfo,
    read_models,
    read_reply,
)

from . import errors
from .pool import Pool
from .request import chat_body, headers_of, path_of
from .transport import Reply, Request, Transport
from .upstream import Upstream

__all__ = ("MODELS_LIFETIME", "OpenAICompatible")

log = logging.getLogger("g4f.providers.upstream")

MODELS_LIFETIME: Final = 300.0  #: seconds a list of models is good for
_MODELS_TIMEOUT: Final = 10.0
_ERROR_TIMEOUT: Final = 5.0  #: seconds for the body of a refusal
_LONGEST_ERROR: Final = 64 * 1024
_BOM_AND_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"


class OpenAICompatible:
    """One upstream that speaks OpenAI's API, as a provider."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._headers = headers_of(upstream)
        self._transport: Transport = Pool(upstream.base_url, connect=upstream.timeouts.connect)
        self._secrets = _secrets(upstream)
        self._models = tuple(Model(id=name, owned_by=upstream.label) for name in upstream.models)
        self._models_until = inf if upstream.models else -inf
        self._asking = anyio.Lock()

    @property
    def info(self) -> ProviderInfo:
        """Its card, without its address: that may be nobody's business."""
        upstream = self._upstream
        return ProviderInfo(
            name=upstream.name,
            label=upstream.label,
            url=upstream.url,
            default_model=upstream.default_model or (self._models[0].id if self._models else ""),
            auth=upstream.key is not None,
            native=upstream.native | ({"proxy"} if upstream.any_proxy else set()),
        )

    async def models(self) -> Sequence[Model]:
        """What it serves, asked for again when the list is older than :data:`MODELS_LIFETIME`.

        :raises ApiError: it does not say, within ten seconds.
        """
        async with self._asking:
            if self._models_until < anyio.current_time():
                self._models = read_models(await self._get("/models", _MODELS_TIMEOUT))
                self._models_until = anyio.current_time() + MODELS_LIFETIME
        return self._models

    async def _get(self, path: str, seconds: float) -> bytes:
        deadline = anyio.current_time() + seconds
        reply = await self._transport.send(Request("GET", path, self._headers), deadline=deadline)
        try:
            if reply.status != 200:
                raise await self._refused(reply)
            return await reply.read(deadline=deadline)
        finally:
            await reply.aclose()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        """The answer to a chat."""
        upstream, timeouts = self._upstream, self._upstream.timeouts
        path = path_of(upstream, "/chat/completions", call.model)
        headers = (*self._headers, ("content-type", "application/json"))
        deadline = anyio.current_time() + timeouts.first if call.request.stream else inf
        request = Request("POST", path, headers, chat_body(call, upstream))
        reply = await self._transport.send(request, deadline=deadline)
        try:
            if reply.status != 200:
                raise await self._refused(reply)
            data = await _begin(reply, deadline)
            if data.lstrip(_BOM_AND_BLANKS).startswith(b"{"):  # whatever its type says, and whatever was asked for
                for event in read_reply(await reply.read(data), failed=self._reported):
                    yield event
                return
            reader = ChatStreamReader(failed=self._reported)
            while data and not reader.done:
                for event in reader.feed(data):
                    deadline = -inf
                    yield event
                if deadline == -inf:  # something was said: the time begins anew
                    deadline = anyio.current_time() + timeouts.between
                if not reader.done:
                    data = await reply.receive(deadline=deadline)
            reader.end()
            await reply.finish()
        finally:
            await reply.aclose()

    async def _refused(self, reply: Reply) -> ApiError:
        try:
            body = await reply.read(limit=_LONGEST_ERROR, deadline=anyio.current_time() + _ERROR_TIMEOUT)
        except ApiError:
            body = b""
        error = errors.refused(reply.status, reply.headers, body, secrets=self._secrets)
        log.warning("%s answered with status %d", self._upstream.name, reply.status)
        return error

    def _reported(self, error: JsonValue) -> ApiError:
        return errors.reported(error, secrets=self._secrets)

    async def aclose(self) -> None:
        """Close the idle connections."""
        await self._transport.aclose()


async def _begin(reply: Reply, deadline: float) -> bytes:
    """The body as far as it must be known to tell a document from a stream."""
    begun = data = await reply.receive(deadline=deadline)
    while data and not begun.lstrip(_BOM_AND_BLANKS):
        data = await reply.receive(deadline=deadline)
        begun += data
    return begun


def _secrets(upstream: Upstream) -> tuple[str, ...]:
    """What must stand in no message, the longest first: one may be a part of another."""
    url = urlsplit(upstream.base_url)
    found = {url.netloc, url.hostname or "", upstream.key.get_secret_value() if upstream.key else ""}
    found |= {value.get_secret_value() for value in upstream.headers.values()}
    return tuple(sorted((secret for secret in found if len(secret) > 3), key=len, reverse=True))
