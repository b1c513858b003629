# SmolLM2-135M-Instruct in this very process: what answers with no network and no key.
#
# Loaded on first use, in a thread; `llama` has the ways of llama.cpp, here is what is particular to this model and what
# a call goes through. A call waits for one of the SLOTS here, where it can be cancelled, and never in llama.cpp's own
# queue, where it cannot. A slot is free as soon as llama.cpp has done, read or not; a generator that is closed waits
# for that. xllamacpp is an optional extra and the weights are pulled: both are looked for at each call, so that
# installing them while the server runs is enough.
from __future__ import annotations

import logging
import re
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import anyio
import anyio.to_thread
from pydantic import JsonValue

from g4f_proto import (
    Call,
    ChatCall,
    ChatRequest,
    InvalidRequest,
    Message,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
)

from . import llama, weights
from .hearing import Hearing, cannot_enforce, too_long
from .installing import lacking, not_installed

__all__ = ("CONTEXT", "SLOTS", "Local")

log = logging.getLogger("g4f.providers")

SLOTS: Final = 2  #: answers made at the same time; more of them wait
UNASKED: Final = 1024  #: tokens of an answer whose length nobody bounds: this model likes to go round in circles
CONTEXT: Final = 4096  #: tokens of prompt and answer; the model has 8192, but a CPU reads a prompt of 4000 for 20 s
_WEIGHTS: Final = weights.WEIGHTS["smollm2"]
_TURN: Final = 5  # tokens that stand around a message: its begin, role and end, and two line breaks
_LONGEST_TOKEN: Final = 81  # characters of the longest of the model's 49152 tokens, a line break and 80 spaces
_NO_SEED: Final = 0xFFFFFFFF  # llama.cpp's seeds have 32 bits, and this one asks for a random one

_VOCABULARY: Final = 49152  # tokens, numbered from 0
_NEWLINE: Final = 198  # the token of a line break
_BAN: Final = -100.0
# Compiling a schema holds up both answers: 350 kB take 0.7 s. OpenAI takes 120,000 characters of names and values.
_LONGEST_SCHEMA: Final = 128 * 1024
# What the tokenizer takes for its own wherever it stands. In a message these are characters like any others, and must
# not end a turn or begin one: https://owasp.org/www-project-top-10-for-large-language-model-applications/ LLM01
_SPECIAL: Final = re.compile(
    r"<(?=(?:\|endoftext\||\|im_start\||\|im_end\||repo_name|reponame|file_sep|filename|gh_stars|issue_start|issue_comment"
    r"|issue_closed|jupyter_start|jupyter_text|jupyter_code|jupyter_output|jupyter_script|empty_output)>)"
)
# The roles the model was trained with; what a tool returned is something it is told.
_ROLES: Final[Mapping[str, str]] = {"system": "system", "developer": "system", "assistant": "assistant"}


class Local:
    """The embedded model. One object loads it once and serves one event loop; :meth:`aclose` frees it."""

    info = ProviderInfo(
        name="Local",
        label="Local",
        default_model="smollm2",
        description="SmolLM2-135M-Instruct on this machine: no network, no key; a demo rather than an assistant",
        native=frozenset({
            "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "frequency_penalty",
            "presence_penalty", "seed", "response_format", "logprobs", "top_logprobs", "logit_bias",
            "usage", "proxy",  # nothing is fetched
        }),
    )  # fmt: skip

    def __init__(self) -> None:
        self._slots = anyio.Semaphore(SLOTS)
        self._loading = threading.Lock()
        self._llama: llama.Llama | None = None

    async def models(self) -> Sequence[Model]:
        return (Model(id="smollm2", owned_by="HuggingFaceTB", listed=not _missing()),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        if missing := _missing():
            raise not_installed("smollm2", missing)
        request, hearing = _request(call), _hearing(call.request)
        await self._slots.acquire()
        try:
            # who leaves now does not stop the loading: the next one will want it
            loaded = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
            answer = llama.Answer(loaded, request, hearing, self._slots.release)
        except BaseException:
            self._slots.release()
            raise
        try:
            while events := await answer.take():
                for event in events:
                    yield event
        finally:
            await answer.stop()
        if answer.error is not None:
            raise answer.error

    async def aclose(self) -> None:
        """Free the model; an answer still being made keeps it until it ends."""
        await anyio.to_thread.run_sync(self._unload)

    def _load(self) -> llama.Llama:
        with self._loading:
            if self._llama is None:
                try:
                    self._llama = llama.load(
                        weights.target(_WEIGHTS),
                        slots=SLOTS,
                        context=CONTEXT,
                        # "temperature=0.2, top_p=0.9": https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct
                        temperature=0.2,
                        top_p=0.9,
                    )
                except Exception:
                    log.exception("the local model could not be loaded")
                    raise ProviderNotWorking(
                        "The model 'smollm2' could not be loaded. `g4f pull smollm2` checks its weights; "
                        "the server's log has the details."
                    ) from None
            return self._llama

    def _unload(self) -> None:
        with self._loading:
            self._llama = None


def _missing() -> list[str]:
    return lacking("local", ("xllamacpp",), _WEIGHTS)


def _request(call: ChatCall) -> dict[str, object]:
    """The call as llama.cpp takes it.

    :raises InvalidRequest: it is longer than the context, however its tokens are counted, or has a bias of no token, or
        a schema that is too large.
    """
    asked = call.request
    request: dict[str, object] = {
        "prompt": _prompt(asked.messages) + "\n",
        "max_tokens": min(asked.token_limit or UNASKED, CONTEXT),  # llama.cpp's numbers are smaller than JSON's
        "stop": asked.stops,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "frequency_penalty": asked.frequency_penalty,
        "presence_penalty": asked.presence_penalty,
        "repeat_last_n": CONTEXT,  # the penalties look at the whole text, as OpenAI's do, and not at its last 64 tokens
    }
    biases = _biases(asked.logit_bias or {})
    if asked.seed is not None:
        request["seed"] = asked.seed % _NO_SEED
    if (schema := _schema(asked)) is not None:
        grammar = llama.grammar(schema, opening=_NEWLINE)
        if len(grammar) > _LONGEST_SCHEMA:
            raise cannot_enforce(f"It has more than {_LONGEST_SCHEMA} characters.")
        request["grammar"] = grammar
        # The line break after `assistant` becomes the grammar's opening: the same text, and nothing else can say it.
        request["prompt"] = _prompt(asked.messages)
        request["max_tokens"] = min(asked.token_limit or UNASKED, CONTEXT) + 1
        request["stop"] = [stop for stop in asked.stops if "\n" not in stop]  # the JSON has none to stop at
        biases[_NEWLINE] = _BAN
    if asked.logprobs:
        request["logprobs"] = max(1, asked.top_logprobs or 0)  # with 0 it tells nothing, not even of the token itself
        request["timings_per_token"] = True  # the count, should `hearing` find a stop
        del request["stop"]
    request["logit_bias"] = list(biases.items())
    return {name: value for name, value in request.items() if value is not None}


def _hearing(asked: ChatRequest) -> Hearing:
    constrained = _schema(asked) is not None
    return Hearing(
        opening="\n" if constrained else "",
        top=(asked.top_logprobs or 0) if asked.logprobs else None,
        stops=asked.stops if asked.logprobs else (),
        whole=constrained and not asked.stops,
    )


def _schema(asked: ChatRequest) -> Mapping[str, JsonValue] | None:
    """What the answer shall be valid against."""
    if asked.response_format is None or asked.response_format.type == "text":
        return None
    return {"type": "object"} if asked.schema_asked is None else asked.schema_asked


def _prompt(messages: Sequence[Message]) -> str:
    # The model's own template puts "You are a helpful AI assistant named SmolLM, trained by Hugging Face" before a chat
    # that has no system message. A client who sent none wants none; and with it, these weights do not know the capital
    # of France.
    texts = [_clean(message.text) for message in messages]
    if len(texts) * _TURN + sum(map(len, texts)) // _LONGEST_TOKEN > CONTEXT:
        raise too_long(CONTEXT)  # counting the tokens of 5 MB takes three seconds in which nobody can cancel
    roles = (_ROLES.get(message.role, "user") for message in messages)
    turns = (f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in zip(roles, texts, strict=True))
    return "".join(turns) + "<|im_start|>assistant"


def _biases(given: Mapping[str, float]) -> dict[int, float]:
    for key in given:
        if not (key.isascii() and key.isdigit() and len(key) <= 5 and int(key) < _VOCABULARY):
            raise InvalidRequest(
                f"Invalid key in 'logit_bias': '{key[:80]}'. Keys are the model's token ids, 0 to {_VOCABULARY - 1}.",
                code="invalid_value",
                param="logit_bias",
            )
    return {int(key): bias for key, bias in given.items()}


def _clean(text: str) -> str:
    # JSON may carry halves of surrogate pairs; llama.cpp's must not. Pairs become characters, lone halves U+FFFD.
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _SPECIAL.sub("<\u200d", text)  # a zero-width joiner: it looks the same and is no special token
