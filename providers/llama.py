# llama.cpp in this process, through xllamacpp: loading it, and one answer being made. It knows tokens and threads, not
# models; `hearing` knows what is said.
#
# Completions, not chats: llama.cpp's own reading of a chat trims and rewrites what the model says, joins tokens under
# one probability, and drops the grammar where the template has none.
#
# xllamacpp's call blocks a thread and calls back for every chunk; the thread hands what it hears to the event loop. The
# rules:
# - It always streams: only a callback can stop llama.cpp. `return_progress` has it called during the prompt too, after
#   every BATCH tokens, so that a cancel takes effect within a second there.
# - There is no back-pressure on llama.cpp: it has none. A callback that does not return only fills a queue of
#   llama.cpp's own, so the answer is taken as it comes; what a client leaves unread is bounded by the context.
# - An exception in a callback is swallowed by xllamacpp, and a context that is too small is said and not raised: both
#   are kept here as the answer's error.
from __future__ import annotations

import json
import logging
import secrets
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import anyio.lowlevel
from pydantic import JsonValue

from g4f_proto import ApiError, ProviderEvent

from .hearing import Hearing, broken

__all__ = ("Answer", "Llama", "grammar", "load")

log = logging.getLogger("g4f.providers")

#: Tokens of the prompt between two chances to cancel. With four busy processes on two cores the longest wait from
#: one to the next, in a prompt of 1500 tokens, was 1.3 s with 32 and 2.1 s with 64, at the same 60 tokens/s.
BATCH: Final = 32

# What LLGuidance makes patterns of. For any other format: "The value ... is an annotation", and asserts nothing -
# https://json-schema.org/draft/2020-12/json-schema-validation#section-7.2.1
_FORMATS: Final = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
_ANY_NAME: Final[tuple[JsonValue, ...]] = (True, {}, {"type": "string"})  # names are strings
_NAMED: Final = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_DATA: Final = ("const", "enum", "default", "examples")

_Chunk = dict[str, Any]  # an OpenAI completion chunk as xllamacpp gives it, or {"error": {...}}


class Llama(Protocol):
    """What we use of ``xllamacpp.Server``."""

    def handle_completions(self, request: Mapping[str, object], callback: Callable[[_Chunk], bool]) -> object:
        """Blocks; calls back with every chunk until that returns True."""


def load(path: Path, *, slots: int, context: int, temperature: float, top_p: float) -> Llama:
    """Load a model; takes a second, and memory.

    :param slots: answers that can be made at the same time.
    :param context: tokens of prompt and answer together, for each of them.
    :param temperature: where a request has none; so is `top_p`.
    :raises Exception: whatever xllamacpp says about the file, the package or the memory.
    """
    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx = slots, slots * context
    params.n_batch = params.n_ubatch = BATCH
    # Two threads read a prompt twice as fast as one while nobody else wants the cores. As soon as somebody does,
    # OpenMP's barriers make them four times slower (27 tokens/s against 112) and a cancel take 7 s; the web server is
    # somebody.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.sampling.temp, params.sampling.top_p = temperature, top_p
    params.cache_ram_mib = 0  # by default it keeps up to 8 GiB of old prompts
    params.verbosity = -1  # nothing on stderr
    params.fit_params = params.warmup = params.ui = params.endpoint_slots = False
    # xllamacpp always opens an HTTP listener: on a socket that has no name any more when it works, with a key nobody
    # knows.
    params.n_threads_http = 1
    params.api_keys = [secrets.token_hex(32)]
    # Mode 0700. A socket's path has 104 bytes at most ("sun_path", unix(4) of the BSDs; Linux has 108).
    place = None if len(tempfile.gettempdir()) < 64 else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="g4f-", dir=place) as folder:
        params.hostnames = [str(Path(folder) / "llama.sock")]
        llama: Llama = xllamacpp.Server(params)
    return llama


def grammar(schema: Mapping[str, JsonValue], *, opening: int) -> str:
    """A grammar of llama.cpp's for JSON that is valid against `schema`, its keys in the order of `properties`.

    LLGuidance's, because llama.cpp's own conversion of a schema leaves out what it does not know, `allOf` for one, and
    accepts more. Blanks as `json.dumps` sets them: a model that may add some adds them without end.
    https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md

    :param opening: the token to be said before the JSON.
    """
    style = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    start = f"%llguidance {{}}\nstart: <[{opening}]> answer\nanswer: %json "
    return start + json.dumps({**_asserting(schema), "x-guidance": style})


def _asserting(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`schema` without the keywords that restrict nothing and that LLGuidance refuses all the same."""
    kept: dict[str, JsonValue] = {}
    for keyword, value in schema.items():
        if (keyword == "format" and value not in _FORMATS) or (keyword == "propertyNames" and value in _ANY_NAME):
            continue
        if keyword in _NAMED and isinstance(value, dict):
            kept[keyword] = {name: _part(part) for name, part in value.items()}
        else:
            kept[keyword] = value if keyword in _DATA else _part(value)
    return kept


def _part(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_part(part) for part in value]
    return _asserting(value) if isinstance(value, dict) else value


class Answer:
    """One answer being made: llama.cpp in a thread of its own, everything else in the event loop.

    :param request: llama.cpp's completion request; how it is streamed is decided here.
    :param hearing: what makes events of llama.cpp's chunks.
    :param done: called in the event loop when llama.cpp has done with it, read or not.
    """

    def __init__(self, llama: Llama, request: Mapping[str, object], hearing: Hearing, done: Callable[[], None]) -> None:
        self.error: ApiError | None = None  #: why the answer broke off, once `take` has given everything
        self._llama = llama
        stream = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        self._request = {**request, **stream}
        self._hearing = hearing
        self._done = done
        self._box: deque[ProviderEvent] = deque()
        self._ready = anyio.Event()  # there is something in the box, or no more to come
        self._over = anyio.Event()
        self._stopped = False  # nobody wants the rest: the one thing the thread reads
        # Not `anyio.from_thread.run_sync`: it waits for the loop, and for ever if the loop ends first.
        loop: Any = anyio.lowlevel.current_token().native_token
        self._post: Callable[[Callable[[], None]], object]
        self._post = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon  # asyncio's and trio's names
        # Not a daemon: Python kills those in the middle of a callback when it ends, and C++ aborts the process.
        threading.Thread(target=self._run, name="g4f-llama").start()

    async def take(self) -> Sequence[ProviderEvent]:
        """Everything that is ready, at least one event; empty when the answer is over."""
        while not self._box and not self._over.is_set():
            await self._ready.wait()
            self._ready = anyio.Event()
        events = tuple(self._box)
        self._box.clear()
        return events

    async def stop(self) -> None:
        """Nobody wants the rest; returns when llama.cpp has stopped, even in a cancelled task."""
        self._stopped = True
        with anyio.CancelScope(shield=True):
            await self._over.wait()

    # In the thread:

    def _run(self) -> None:
        try:
            self._llama.handle_completions(self._request, self._heard)
        except Exception:
            log.exception("llama.cpp refused a request")
            self.error = broken()
        if self.error is None and not self._hearing.complete and not self._stopped:
            log.error("llama.cpp broke an answer off")
            self.error = broken()
        self._tell(self._end)

    def _heard(self, chunk: _Chunk) -> bool:
        try:
            events = self._hearing.hear(chunk)
        except ApiError as error:
            self.error = error
            return True
        except Exception:
            log.exception("llama.cpp said something unexpected")
            self.error = broken()
            return True
        self._tell(partial(self._put, events))  # also nothing: a loop that is gone is noticed during the prompt too
        return self._stopped or self._hearing.enough

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._post(what)
        except RuntimeError:  # the event loop is gone, and the client with it
            self._stopped = True

    # In the event loop again, called by the thread:

    def _put(self, events: Sequence[ProviderEvent]) -> None:
        self._box.extend(events)
        self._ready.set()

    def _end(self) -> None:
        self._over.set()
        self._ready.set()
        self._done()
