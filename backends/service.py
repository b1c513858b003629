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
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from math import inf
from types import TracebackType
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

from g4f_proto import (
    KINDS,
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
    Model,
    ProviderTimeout,
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
    failure,
)

from .frames import Frames
from .limiter import Limiter

__all__ = ("Misconfigured", "Service")

_TICK: Final = 0.25  #: seconds that an answer may be late
_FRESH: Final = 600.0  #: seconds until a provider is asked again what it serves
_RETRY: Final = 30.0  #: the same for one that did not tell
_PATIENCE: Final = 1.0  #: seconds the first request that needs them waits for the lists of providers
_LAST_WORDS: Final = 3.0  #: seconds a client may take to read the error its answer ended with


class Misconfigured(Exception):
    """The operator's settings contradict what there is; the message says how."""


class Service:
    """``async with Service([...]) as service:`` around a server's life.

    :param providers: in the operator's order; the first that serves a model answers for it.
    :param absent: providers there could be, and what the operator does for that: told to who names them.
    :param timeout: seconds an answer may take; a request may ask for less.
    :param quiet_limit: seconds of silence before a stream's ping.
    :param rate: requests a minute that each key may make; None: as many as it likes.
    :param public_url: where clients reach this server; empty: where their requests came to.
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
        self._providers = {provider.info.name: _equipped(provider) for provider in providers}
        self._told: dict[str, float] = {}  # remote provider -> when to ask it again, on the loop's clock
        self._asking: anyio.Event | None = None
        self._limiter = None if rate is None else Limiter(rate)
        self._ticks = ticks
        self._aliases = dict(aliases or {})
        self._defaults = (default_model, default_provider)
        self._absent = dict(absent or {})
        self._timeout = timeout
        self._conversations = conversations or MemoryConversations()
        self._media = media or MediaStore()
        self._cookies = cookies or CookieStore()
        self._new_id = new_id
        self._answering: set[Frames] = set()
        self._emptied: anyio.Event | None = None
        self._now = now
        self.api = Api(
            catalog=Catalog(),
            keys=tuple(keys),
            origins=frozenset(origins),
            limits=limits or Limits(),
            quiet_limit=quiet_limit,
            fingerprint="fp_" + sha256(version.encode()).hexdigest()[:10],
            public_url=public_url,
            gui=gui,
            exposed=exposed,
            counter=counter,
        )

    async def __aenter__(self) -> Self:
        default_model, default_provider = self._defaults
        models = {name: await _models(provider) for name, provider in self._providers.items()}
        catalog = Catalog(
            providers={name: provider.info for name, provider in self._providers.items()},
            models=models,
            aliases=self._aliases,
            default_model=default_model,
            default_provider=default_provider,
            absent=self._absent,
            complete=not any(one.info.remote and one.info.working for one in self._providers.values()),
        )
        _check(catalog)
        self.api = replace(self.api, catalog=catalog)
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
        """End what takes too long. One clock for all replies: a timer for each would cost more than its head."""
        while True:
            await anyio.sleep(_TICK)
            now = anyio.current_time()
            for frames in tuple(self._answering):
                if frames.deadline <= now:
                    frames.deadline = inf
                    frames.fail(ProviderTimeout("The answer took longer than it may."))

    async def _answered(self) -> None:
        if self._answering:
            self._emptied = self._emptied or anyio.Event()
            await self._emptied.wait()

    def begin(self, frames: Frames) -> None:
        """A reply is being made: draining waits for it."""
        self._answering.add(frames)

    def finish(self, frames: Frames) -> None:
        """It is not any more."""
        self._answering.discard(frames)
        if not self._answering and self._emptied is not None:
            self._emptied.set()
            self._emptied = None

    def exchange(self, method: str, target: bytes, headers: Mapping[bytes, bytes]) -> Exchange:
        """A new exchange for the head of a request, field names in lower case."""
        if self._told and self._asking is None and min(self._told.values()) <= anyio.current_time():
            self._ask()
        begun, ticks = self._ticks(), self._ticks
        fields, refusal = self._limit(headers)
        return Exchange(
            RequestHead(method, target, headers),
            self.api,
            id=self._new_id(),
            created=int(self._now()),
            elapsed=lambda: ticks() - begun,
            fields=fields,
            refusal=refusal,
        )

    def _limit(self, headers: Mapping[bytes, bytes]) -> tuple[Fields, ApiError | None]:
        if self._limiter is None:
            return (), None
        try:
            return self._limiter.take(authenticate(headers, self.api.keys))
        except ApiError:
            return (), None  # the machine will say the same

    def provider(self, call: Call) -> Provider:
        """What shall answer `call`: its provider, with a memory for a conversation and a folder for images."""
        if isinstance(call, MediaCall):
            return self._media
        if isinstance(call, CookiesCall):
            return self._cookies
        provider = self._providers[call.provider]
        if isinstance(call, ImageCall):
            return Published(provider, self._media)
        if isinstance(call, ChatCall) and call.conversation is not None:
            return WithHistory(provider, self._conversations, counter=self.api.counter)
        return provider

    # What remote providers serve: asked for when a request needs to know, and again when it is old.

    async def discovered(self) -> Catalog:
        """The catalog, as soon as the providers have told what they serve, or have had the time to."""
        if self._asking is None and not self.api.catalog.complete:
            self._ask()
        if self._asking is not None:
            with anyio.move_on_after(_PATIENCE):
                await self._asking.wait()
        return replace(self.api.catalog, complete=True)

    def _ask(self) -> None:
        self._asking = anyio.Event()
        self.tasks.start_soon(self._learn, self._asking)

    async def _learn(self, done: anyio.Event) -> None:
        now = anyio.current_time()
        stale = [one for one in self._providers.values() if one.info.remote and self._told.get(one.info.name, 0) <= now]
        async with anyio.create_task_group() as tasks:
            for provider in stale:
                self._told[provider.info.name] = now + _RETRY
                tasks.start_soon(self._learn_from, provider)
        self.api = replace(self.api, catalog=replace(self.api.catalog, complete=True))
        self._asking = None
        done.set()

    async def _learn_from(self, provider: Provider) -> None:
        name = provider.info.name
        try:
            models = tuple(await provider.models())
        except Exception as error:
            failure(error, provider)  # which logs what is a defect; what it served before stays
            return
        self._told[name] = anyio.current_time() + _FRESH
        catalog = self.api.catalog
        told = replace(
            catalog, models={**catalog.models, name: models}, providers={**catalog.providers, name: provider.info}
        )
        self.api = replace(self.api, catalog=told)

    def timeout(self, call: Call) -> float:
        """Seconds the answer to `call` may take."""
        return self._timeout if call.timeout is None else min(self._timeout, call.timeout)


def _equipped(provider: Provider) -> Provider:
    """`provider` with what it needs to be relied on: rests when it fails, a judge of its JSON."""
    relied: Provider = Resting(provider) if provider.info.remote else provider
    return relied if "response_format" in provider.info.native else Structured(relied)


async def _models(provider: Provider) -> tuple[Model, ...]:
    # A remote one that is not set up needs no network to know what it serves.
    return () if provider.info.remote and provider.info.working else tuple(await provider.models())


def _check(catalog: Catalog) -> None:
    if not catalog.complete:
        return  # what remote providers serve is not known before somebody asks
    for alias, target in catalog.aliases.items():
        try:
            _somebody(replace(catalog, aliases={}), target)  # an alias for an alias is none
        except ApiError:
            raise Misconfigured(f"the alias '{alias}' stands for '{target}', which nobody serves") from None
    if catalog.default_model is not None:
        try:
            catalog.resolve(None)
        except ApiError:
            raise Misconfigured(f"the default model '{catalog.default_model}' is served by nobody") from None


def _somebody(catalog: Catalog, target: str) -> None:
    for kind in KINDS:
        with suppress(ApiError):
            catalog.resolve(target, kind=kind)
            return
    catalog.provider(target)
