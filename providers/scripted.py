# A provider that does what the model's name says: for people who test their clients, and for our own tests.
#
# `scripted` says the last user message back, one word a delta; with tools it calls them, and with a JSON Schema it
# answers with an instance of it; asked for images it makes some of one colour, asked for vectors it makes them of
# hashes; it speaks a tone a word, and hears a recording's name and size. Everything is deterministic; tokens, images,
# vectors, tones and segments are deltas. `script.py` reads the options that follow the model's name, `composition.py`
# decides what is said.
from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

import anyio

from g4f_proto import (
    Call,
    ChatCall,
    Embedding,
    EmbeddingCall,
    Finish,
    ImageCall,
    Kind,
    Model,
    ProviderEvent,
    ProviderInfo,
    SpeechCall,
    StopFilter,
    TranscriptionCall,
    Usage,
)

from .composition import compose, scored
from .hashing import hashed
from .script import EFFORTS, OPTIONS, read_script
from .swatches import swatch
from .tones import listen, speak

__all__ = ("OPTIONS", "Scripted")

_KINDS: Final[frozenset[Kind]] = frozenset({"chat", "embedding", "image", "speech", "transcription"})
_HONOURED: Final = frozenset(
    {
        "max_tokens", "max_completion_tokens", "stop", "logprobs", "top_logprobs", "response_format", "vision",
        "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "reasoning_effort",
        "usage",
    }
)  # fmt: skip
#: The answer is the same whatever these say: nothing is sampled and nothing is fetched.
_WITHOUT_EFFECT: Final = frozenset(
    {"temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "seed", "proxy"},
)


class Scripted:
    """The deterministic provider; it needs no network, no weights and no key."""

    info = ProviderInfo(
        name="Scripted",
        label="Scripted",
        default_model="scripted",
        description="Says the last user message back; made for testing clients",
        native=_HONOURED | _WITHOUT_EFFECT,
        only_named=True,  # hashes and tones are no answer to who wanted a real one
    )

    def __init__(self) -> None:
        self._running = 0
        self._deltas = 0

    async def models(self) -> Sequence[Model]:
        return (Model(id="scripted", owned_by="g4f-proto", kinds=_KINDS, vision=True, options=True),)

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        return self._chat(call) if isinstance(call, ChatCall) else self._make(call)

    async def _make(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        """Whatever is no chat: one delta after another."""
        script = read_script(call.model)
        made = 0
        self._running += 1
        try:
            await anyio.sleep(script.silence)
            for piece in _pieces(call):
                script.break_off(made)
                await anyio.sleep(script.delay)
                made += 1
                self._deltas += 1
                yield piece
            script.break_off(made)
            if isinstance(call, SpeechCall):
                yield Usage(prompt_tokens=made, completion_tokens=made)
            if isinstance(call, EmbeddingCall):
                words = sum(len(given.split() if isinstance(given, str) else given) for given in call.inputs)
                yield Usage(prompt_tokens=words, completion_tokens=0)
        finally:
            self._running -= 1

    async def _chat(self, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
        script = read_script(call.model)
        request = call.request
        if request.reasoning_effort is not None and (request.reasoning_effort == "none" or not script.reasoning):
            script.reasoning = EFFORTS[request.reasoning_effort]
        report = {"running": self._running, "deltas": self._deltas, "messages": len(request.messages)}
        pieces = await compose(request, script, None if script.report is None else str(report[script.report]))
        stop = StopFilter(request.stops)
        made = 0
        self._running += 1
        try:
            if script.silence:
                await anyio.sleep(script.silence)
            for piece in pieces:
                script.break_off(made)
                if made == request.token_limit:
                    yield Finish(reason="length")
                    break
                if script.delay:
                    await anyio.sleep(script.delay)
                elif made % 256 == 255:
                    await anyio.lowlevel.checkpoint()  # nobody else may ever wait in a long answer
                made += 1
                self._deltas += 1
                if not isinstance(piece, str):
                    yield piece
                elif text := stop.push(piece):
                    yield scored(text, request.top_logprobs or 0) if request.logprobs else text
                if stop.ended:
                    yield Finish(reason="stop", stop=stop.found)
                    break
            else:
                script.break_off(made)
            if text := stop.flush():
                yield scored(text, request.top_logprobs or 0) if request.logprobs else text
            thought = min(made, script.reasoning)
            prompt = sum(len(message.text.split()) for message in request.messages)
            yield Usage(prompt_tokens=prompt, completion_tokens=made, reasoning_tokens=thought)
        finally:
            self._running -= 1

    async def aclose(self) -> None:
        """Nothing to give back."""


def _pieces(call: Call) -> Iterator[ProviderEvent]:
    if isinstance(call, ImageCall):
        for index in range(call.n):
            yield swatch(call, index)
    elif isinstance(call, EmbeddingCall):
        for index, given in enumerate(call.inputs):
            yield Embedding(index=index, vector=hashed(given, call.dimensions))
    elif isinstance(call, SpeechCall):
        yield from speak(call)
    elif isinstance(call, TranscriptionCall):
        yield from listen(call)
