# What a server serves: the providers at work, the snapshot the machine is made with, and the task group streams run in.
#
# The composition root: the only place that knows both the operator's settings and the providers. One task group for
# the whole server and not one a request: it costs nothing per stream, a provider is still cancelled the moment nobody
# wants its answer, and every framework has some place where a server's life begins and ends, but not every one has
# such a place around a request *and* its body.
from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from math import inf
from types import TracebackType
from typing import Final, Protocol, Self

import anyio
from anyio.abc import TaskGroup

from g4f_proto import (
    Api,
    ApiError,
    Call,
    Catalog,
    ChatCall,
    CookiesCall,
    Exchange,
    Fields,
    ImageCall,
    Limits,
    MediaCall,
    RequestHead,
    ShuttingDown,
    TokenCounter,
    authenticate,
)
from providers import (
    Conversations,
    CookieStore,
    MediaStore,
    MemoryConversations,
    Provider,
    Published,
    Resting,
    Structured,
    WithHistory,
    count_tokens,
)
from providers.loops import Loop, running

from .directory import Directory
from .frames import Frames
from .limiter import Limiter

__all__ = ("Service",)

_TICK: Final = 0.25  #: seconds that an answer may be late
_LAST_WORDS: Final = 3.0  #: seconds a client may take to read the error its answer ended with


class Timed(Protocol):
    """What may last until its `deadline`, on the loop's clock."""

    deadline: float

    def expire(self) -> None:
        """That time is over."""


class Service:
    """``async with Service([...]) as service:`` around a server's life.

    :param providers: in the operator's order; the first that serves a model answers for it.
    :param absent: providers there could be, and what the operator does for that: told to who names them.
    :param timeout: seconds an answer may take; a request may ask for less.
    :param quiet_limit: seconds of silence before a stream's ping.
    :param rate: requests a minute that each key may make; None: as many as it likes.
    :param public_url: where clients reach this server; empty: where their requests came to.
    :param scheme: of the addresses it makes where there is no `public_url`: http or https.
    :param gui: the page for ``/``, if there shall be one.
    :param exposed: it can be reached from other machines.
    :param conversations: where the histories of conversations are kept; in memory by default.
    :param media: where files that were made are kept; in the user's data folder by default.
    :param cookies: where uploaded cookies are kept; in the user's data folder by default.
    :param counter: counts tokens for providers that do not.
    :param new_id: makes 32 hex digits, a new one each time.
    :param now: seconds since 1970.
    """

    tasks: TaskGroup  #: where the providers of streams run
    loop: Loop  #: what runs it
    api: Api  #: the snapshot the next exchange is made with

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        aliases: Mapping[str, str] | None = None,
        default_model: str | None = None,
        default_provider: str | None = None,
        absent: Mapping[str, str] | None = None,
        keys: Sequence[str] = (),
        origins: Sequence[str] = (),
        limits: Limits | None = None,
        timeout: float = 600.0,
        quiet_limit: float = 15.0,
        rate: int | None = None,
        public_url: str = "",
        scheme: str = "http",
        gui: bytes = b"",
        exposed: bool = False,
        version: str = "0",
        conversations: Conversations | None = None,
        media: MediaStore | None = None,
        cookies: CookieStore | None = None,
        counter: TokenCounter = count_tokens,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._providers = {provider.info.name: self._equipped(provider) for provider in providers}
        known = Catalog(
            aliases=dict(aliases or {}),
            default_model=default_model,
            default_provider=default_provider,
            absent=dict(absent or {}),
        )
        self._directory = Directory(self._providers, known, self._publish)
        self._limiter = None if rate is None else Limiter(rate)
        self._ticks = ticks
        self._timeout = timeout
        self._conversations = conversations or MemoryConversations()
        self._media = media or MediaStore()
        self._cookies = cookies or CookieStore()
        self._new_id = new_id
        self._answering: set[Frames] = set()
        self.timed: set[Timed] = set()  #: what is told when its time is over
        self._emptied: anyio.Event | None = None
        self._now = now
        self.api = Api(
            catalog=known,
            keys=tuple(keys),
            origins=frozenset(origins),
            limits=limits or Limits(),
            quiet_limit=quiet_limit,
            fingerprint="fp_" + sha256(version.encode()).hexdigest()[:10],
            public_url=public_url,
            scheme=scheme,
            gui=gui,
            exposed=exposed,
            counter=counter,
        )

    async def __aenter__(self) -> Self:
        await self._directory.open()
        self.loop = running()
        self.tasks = await anyio.create_task_group().__aenter__()
        self.tasks.start_soon(self._watch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self.tasks.cancel_scope.cancel()  # what is left now has no client any more
        try:
            return await self.tasks.__aexit__(kind, error, trace)
        finally:
            with anyio.CancelScope(shield=True):
                for provider in self._providers.values():
                    await provider.aclose()

    async def drain(self, grace: float) -> None:
        """Let the answers being made finish for `grace` seconds, then end them with an error and see it out."""
        with anyio.move_on_after(grace):
            await self._answered()
        for frames in tuple(self._answering):
            frames.fail(ShuttingDown("The server is being stopped."))
        with anyio.move_on_after(_LAST_WORDS):
            await self._answered()

    async def _watch(self) -> None:
        """End what takes too long. One clock for all: a timer for each reply would cost more than its head."""
        while True:
            await anyio.sleep(_TICK)
            self._end_late(self.loop.clock())

    def _end_late(self, now: float) -> None:  # a function, so that no name in `_watch` keeps a reply and its upload
        for one in tuple(self.timed):
            if one.deadline <= now:
                one.deadline = inf
                one.expire()

    async def _answered(self) -> None:
        if self._answering:
            self._emptied = self._emptied or anyio.Event()
            await self._emptied.wait()

    def begin(self, frames: Frames) -> None:
        """A reply is being made: draining waits for it."""
        self._answering.add(frames)
        self.timed.add(frames)

    def finish(self, frames: Frames) -> None:
        """It is not any more."""
        self._answering.discard(frames)
        self.timed.discard(frames)
        if not self._answering and self._emptied is not None:
            self._emptied.set()
            self._emptied = None

    def exchange(self, method: str, target: bytes, headers: Mapping[bytes, bytes]) -> Exchange:
        """A new exchange for the head of a request, field names in lower case."""
        self._directory.refresh(self.tasks, self.loop.clock())
        begun, ticks = self._ticks(), self._ticks
        fields, refusal = self._limit(method, headers)
        return Exchange(
            RequestHead(method, target, headers),
            self.api,
            id=self._new_id(),
            created=int(self._now()),
            elapsed=lambda: ticks() - begun,
            fields=fields,
            refusal=refusal,
        )

    def _limit(self, method: str, headers: Mapping[bytes, bytes]) -> tuple[Fields, ApiError | None]:
        if self._limiter is None or method == "OPTIONS":  # a preflight is the browser's doing, and the request follows
            return (), None
        try:
            return self._limiter.take(authenticate(headers, self.api.keys))
        except ApiError:
            return (), None  # the machine will say the same

    def provider(self, call: Call) -> Provider:
        """What shall answer `call`: its provider, with a memory for a conversation and a folder for images."""
        if isinstance(call, ChatCall):
            provider = self._providers[call.provider]
            if call.conversation is None:
                return provider
            return WithHistory(provider, self._conversations, counter=self.api.counter)
        if isinstance(call, MediaCall):
            return self._media
        if isinstance(call, CookiesCall):
            return self._cookies
        provider = self._providers[call.provider]
        return Published(provider, self._media) if isinstance(call, ImageCall) else provider

    async def discovered(self) -> Catalog:
        """What the providers serve, as far as they tell in time."""
        return await self._directory.discovered(self.tasks)

    def _publish(self, catalog: Catalog) -> None:
        self.api = replace(self.api, catalog=catalog)

    def timeout(self, call: Call) -> float:
        """Seconds the answer to `call` may take."""
        return self._timeout if call.timeout is None else min(self._timeout, call.timeout)

    def _equipped(self, provider: Provider) -> Provider:
        """`provider` with what it needs to be relied on: rests when it fails, a judge of its JSON."""
        relied: Provider = (
            Resting(provider, changed=lambda: self._directory.look()) if provider.info.remote else provider
        )
        return relied if "response_format" in provider.info.native else Structured(relied)
