# llama.cpp in this process, through xllamacpp: loading it, and one answer being made. It knows tokens and threads, not
# models.
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

from g4f_proto import REASONS, ApiError, Finish, InvalidRequest, ProviderEvent, ProviderNotWorking, Usage

__all__ = ("Answer", "Llama", "load", "too_long")

log = logging.getLogger("g4f.providers")

#: Tokens of the prompt between two chances to cancel. With four busy processes on two cores the longest wait from
#: one to the next, in a prompt of 1500 tokens, was 1.3 s with 32 and 2.1 s with 64, at the same 60 tokens/s.
BATCH: Final = 32

_Chunk = dict[str, Any]  # an OpenAI chunk as xllamacpp gives it, or {"error": {...}}


class Llama(Protocol):
    """What we use of ``xllamacpp.Server``."""

    def handle_chat_completions(self, request: Mapping[str, object], callback: Callable[[_Chunk], bool]) -> object:
        """Blocks; calls back with every chunk until that returns True."""


def load(path: Path, *, slots: int, context: int, template: str, temperature: float, top_p: float) -> Llama:
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
    params.chat_template = template
    params.force_pure_content_parser = True  # text is text, whatever tags the model writes
    params.prefill_assistant = False  # a chat that ends with the assistant's turn gets a new one, as with OpenAI
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


class Answer:
    """One answer being made: llama.cpp in a thread of its own, everything else in the event loop.

    :param request: an OpenAI chat request; how it is streamed is decided here.
    :param done: called in the event loop when llama.cpp has done with it, read or not.
    """

    def __init__(self, llama: Llama, request: Mapping[str, object], done: Callable[[], None]) -> None:
        self.error: ApiError | None = None  #: why the answer broke off, once `take` has given everything
        self._llama = llama
        stream = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        self._request = {**request, **stream}
        self._done = done
        self._box: deque[ProviderEvent] = deque()
        self._ready = anyio.Event()  # there is something in the box, or no more to come
        self._over = anyio.Event()
        self._stopped = False  # nobody wants the rest: the one thing the thread reads
        self._complete = False  # usage came, the last thing llama.cpp says
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
            self._llama.handle_chat_completions(self._request, self._heard)
        except Exception:
            log.exception("llama.cpp refused a request")
            self.error = _broken()
        if self.error is None and not self._complete and not self._stopped:
            log.error("llama.cpp broke an answer off")
            self.error = _broken()
        self._tell(self._end)

    def _heard(self, chunk: _Chunk) -> bool:
        try:
            events = _events(chunk)
        except ApiError as error:
            self.error = error
            return True
        except Exception:
            log.exception("llama.cpp said something unexpected")
            self.error = _broken()
            return True
        self._complete = any(isinstance(event, Usage) for event in events)
        self._tell(partial(self._put, events))  # also nothing: a loop that is gone is noticed during the prompt too
        return self._stopped

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


def too_long(context: int, tokens: int | None = None) -> InvalidRequest:
    """The messages fill more than the context; `tokens` is how many they are, if they were counted."""
    resulted = f"resulted in {tokens} tokens" if tokens else "are longer than that"
    return InvalidRequest(
        f"This model's maximum context length is {context} tokens. However, your messages {resulted}. "
        "Please reduce the length of the messages.",
        code="context_length_exceeded",
        param="messages",
    )


def _events(chunk: _Chunk) -> list[ProviderEvent]:
    """What a chunk says; mostly one piece of text, or nothing.

    :raises ApiError: it is an error.
    """
    if (error := chunk.get("error")) is not None:
        if error.get("type") == "exceed_context_size_error":
            raise too_long(error["n_ctx"], error["n_prompt_tokens"])
        log.error("llama.cpp: %s", error.get("message"))
        raise _broken()
    events: list[ProviderEvent] = []
    for choice in chunk["choices"]:
        if text := choice["delta"].get("content"):
            events.append(text)
        if reason := choice["finish_reason"]:
            events.append(Finish(reason=REASONS.get(reason, "stop")))
    if (usage := chunk.get("usage")) is not None:
        events.append(
            Usage(
                prompt_tokens=usage["prompt_tokens"],
                completion_tokens=usage["completion_tokens"],
                cached_tokens=usage["prompt_tokens_details"]["cached_tokens"],
            )
        )
    return events


def _broken() -> ProviderNotWorking:
    return ProviderNotWorking("The local model could not answer; the server's log has the details.")
