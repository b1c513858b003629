# SmolLM2-135M-Instruct in this very process: what answers with no network and no key.
#
# Loaded on first use, in a thread; `llama` has the ways of llama.cpp, here is what is particular to this model and what
# a call goes through. A call waits for one of the SLOTS here, where it can be cancelled, and never in llama.cpp's own
# queue, where it cannot. A slot is free as soon as llama.cpp has done, read or not; a generator that is closed waits
# for that. xllamacpp is an optional extra and the weights are pulled: both are looked for at each call, so that
# installing them while the server runs is enough.
from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import anyio
import anyio.to_thread

from g4f_proto import Call, Model, ModelNotInstalled, ProviderEvent, ProviderInfo, ProviderNotWorking

from . import llama, weights

__all__ = ("CONTEXT", "SLOTS", "Local")

log = logging.getLogger("g4f.providers")

SLOTS: Final = 2  #: answers made at the same time; more of them wait
CONTEXT: Final = 4096  #: tokens of prompt and answer; the model has 8192, but a CPU reads a prompt of 4000 for 20 s
_WEIGHTS: Final = weights.WEIGHTS["smollm2"]
_LONGEST_TOKEN: Final = 81  # characters of the longest of the model's 49152 tokens, a line break and 80 spaces
_NO_SEED: Final = 0xFFFFFFFF  # llama.cpp's seeds have 32 bits, and this one asks for a random one

# The model's own template puts "You are a helpful AI assistant named SmolLM, trained by Hugging Face" before a chat
# that has no system message. A client who sent none wants none; and with it, these weights do not know the capital of
# France.
_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
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
            "presence_penalty", "seed", "proxy",  # the last: nothing is fetched
        }),
    )  # fmt: skip

    def __init__(self) -> None:
        self._slots = anyio.Semaphore(SLOTS)
        self._loading = threading.Lock()
        self._llama: llama.Llama | None = None

    async def models(self) -> Sequence[Model]:
        return (Model(id="smollm2", owned_by="HuggingFaceTB", listed=not _missing()),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        if missing := _missing():
            how = " && ".join(missing)
            raise ModelNotInstalled(
                f"The model 'smollm2' is not installed on this server. To install it: {how}", param="model"
            )
        request = _request(call)
        await self._slots.acquire()
        try:
            # who leaves now does not stop the loading: the next one will want it
            loaded = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
            answer = llama.Answer(loaded, request, self._slots.release)
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
                        template=_TEMPLATE,
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
    """The commands that install what is not here."""
    package = importlib.util.find_spec("xllamacpp") is None
    commands = {"pip install 'g4f-proto[local]'": package, "g4f pull smollm2": not weights.installed(_WEIGHTS)}
    return [command for command, missing in commands.items() if missing]


def _request(call: Call) -> dict[str, object]:
    """The call as llama.cpp takes it.

    :raises InvalidRequest: it is longer than the context, however its tokens are counted.
    """
    asked = call.request
    messages = [{"role": _ROLES.get(turn.role, "user"), "content": _clean(turn.text)} for turn in asked.messages]
    if sum(len(message["content"]) for message in messages) > CONTEXT * _LONGEST_TOKEN:
        raise llama.too_long(CONTEXT)  # counting the tokens of 5 MB takes three seconds in which nobody can cancel
    request: dict[str, object] = {
        "messages": messages,
        "max_tokens": asked.token_limit,
        "stop": asked.stops,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "frequency_penalty": asked.frequency_penalty,
        "presence_penalty": asked.presence_penalty,
        "repeat_last_n": CONTEXT,  # the penalties look at the whole text, as OpenAI's do, and not at its last 64 tokens
    }
    if asked.seed is not None:
        request["seed"] = asked.seed % _NO_SEED
    return {name: value for name, value in request.items() if value is not None}


def _clean(text: str) -> str:
    # JSON may carry halves of surrogate pairs; llama.cpp's must not. Pairs become characters, lone halves U+FFFD.
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
