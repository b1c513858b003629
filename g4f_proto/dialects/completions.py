# Legacy completions: a prompt to be continued, answered as a chat of one turn, which is all that chat models know.
#
# `object` is `text_completion` for the reply and for every chunk. Several prompts and `n` of each are choices, numbered
# prompt by prompt. What a chat model cannot do, text before a suffix and probabilities of the prompt, is refused.
# https://platform.openai.com/docs/api-reference/completions/object
from __future__ import annotations

from functools import partial
from typing import Final

from pydantic import JsonValue

from .._calls import ChatCall
from .._capabilities import check
from .._catalog import Choice
from .._emulation import emulate
from .._errors import ApiError, InvalidRequest, UnsupportedParameter
from .._events import ProviderEvent, Quiet, Scored, Usage
from .._schema import validate
from .._schema.chat import ChatRequest
from .._schema.completions import CompletionRequest
from .._sse import DONE, PING, frame
from .._text import quoted
from . import SSE_HEADERS, Asked, Encoder, Reading, first_able
from .chat.envelope import Envelope, usage_object

__all__ = ("CompletionReply", "CompletionStream", "read_completion")

_MAX_TOKENS: Final = 16  # "max_tokens: Defaults to 16"
_MOST_CHOICES: Final = 128
_OWN: Final = frozenset({"prompt", "echo", "suffix", "logprobs", "best_of", "messages"})
#: Of a chat's parameters those that have no place in a completion.
_NO_PLACE: Final = ("tools", "functions", "modalities", "audio", "conversation_id")


def read_completion(asked: Asked) -> Reading:
    """A request's body as the call it demands, the encoder of its reply and what is emulated between the two.

    :raises ApiError: with the status the client shall see.
    """
    document = asked.document
    request = validate(CompletionRequest, document)
    if (request.n or 1) * len(request.prompts) > _MOST_CHOICES:
        raise InvalidRequest(f"There are more than {_MOST_CHOICES} choices to make.", param="n", code="invalid_value")
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider)
    return first_able(choices, partial(_read, asked, request, document))


def _read(asked: Asked, request: CompletionRequest, document: dict[str, JsonValue], choice: Choice) -> Reading:
    refused = (
        ("suffix", bool(request.suffix)),
        ("logprobs", request.logprobs is not None),
        ("best_of", request.best_of is not None and request.best_of > (request.n or 1)),
        *((name, bool(document.get(name))) for name in _NO_PLACE),
    )
    for name, given in refused:
        if given:
            raise UnsupportedParameter(
                f"Unsupported parameter: '{name}' is not supported with the model '{choice.model}'.", param=name
            )
    chat: dict[str, JsonValue] = {name: value for name, value in document.items() if name not in _OWN}
    chat["messages"] = [{"role": "user", "content": request.prompts[0]}]
    chat["n"] = (request.n or 1) * len(request.prompts)
    if request.max_tokens is None:
        chat["max_tokens"] = _MAX_TOKENS
    check(choice, chat, counting=asked.api.counter is not None)
    turn = validate(ChatRequest, chat)
    call = ChatCall(
        provider=choice.provider.name,
        model=choice.model,
        principal=asked.principal,
        timeout=turn.timeout,
        id=asked.id,
        request=turn,
        body=chat,
        prompts=request.prompts,
    )
    reply = CompletionStream if request.stream else CompletionReply
    encoder = reply(request, Envelope(asked.id, asked.created, call, asked.api.fingerprint, b"cmpl-"))
    call, emulation = emulate(call, choice.provider, id=asked.id, counter=asked.api.counter)
    return Reading(call, encoder, emulation)


class _Completion(Encoder):
    def __init__(self, request: CompletionRequest, envelope: Envelope) -> None:
        self._request = request
        self._envelope = envelope
        self._start = envelope.start(b"text_completion")
        each = request.n or 1
        prompts = request.prompts if request.echo else [""] * len(request.prompts)
        self._echo = [prompt for prompt in prompts for _ in range(each)]

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._envelope.usage

    def _choice(self, index: int, text: str, reason: str | None) -> bytes:
        return b'{"text":%b,"index":%d,"logprobs":null,"finish_reason":%b}' % (quoted(text), index, quoted(reason))

    def _said(self, event: ProviderEvent) -> tuple[int, str]:
        """The choice an event belongs to and the text it adds; a completion has no place for anything else."""
        index, said = self._envelope.note(event)
        return index, said.text if isinstance(said, Scored) else said if isinstance(said, str) else ""


class CompletionStream(_Completion):
    """One ``text_completion`` chunk a delta."""

    headers = SSE_HEADERS
    live = True

    def __init__(self, request: CompletionRequest, envelope: Envelope) -> None:
        super().__init__(request, envelope)
        self._opened: set[int] = set()
        self._asked = request.include_usage
        self._end = (b'],"usage":null}' if self._asked else b"]}") + b"\n\n"

    def text(self, text: str) -> bytes:
        return self._chunk(0, text)

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Quiet):
            return PING
        index, text = self._said(event)
        return self._open(index) + self._chunk(index, text) if text else b""

    def end(self) -> bytes:
        out = b""
        for index, ending in enumerate(self._envelope.endings):
            out += self._open(index) + self._chunk(index, "", ending.finish_reason)
        if self._asked:
            usage = b"null" if self.usage is None else usage_object(self.usage)
            out += b"data: " + self._start + b'],"usage":' + usage + b"}\n\n"
        return out + DONE

    def fail(self, error: ApiError) -> bytes:
        return frame(error.body()) + DONE

    def _open(self, index: int) -> bytes:
        if index in self._opened:
            return b""
        self._opened.add(index)
        return self._chunk(index, self._echo[index]) if self._echo[index] else b""

    def _chunk(self, index: int, text: str, reason: str | None = None) -> bytes:
        return b"data: " + self._start + self._choice(index, text, reason) + self._end


class CompletionReply(_Completion):
    """One ``text_completion`` document at the end."""

    def __init__(self, request: CompletionRequest, envelope: Envelope) -> None:
        super().__init__(request, envelope)
        self._texts = [[echo] for echo in self._echo]

    def text(self, text: str) -> bytes:
        self._texts[0].append(text)
        return b""

    def event(self, event: ProviderEvent) -> bytes:
        if not isinstance(event, Quiet):
            index, text = self._said(event)
            if text:
                self._texts[index].append(text)
        return b""

    def end(self) -> bytes:
        endings = enumerate(self._envelope.endings)
        choices = [self._choice(index, "".join(self._texts[index]), end.finish_reason) for index, end in endings]
        usage = b"null" if self.usage is None else usage_object(self.usage)
        return self._start + b",".join(choices) + b'],"usage":' + usage + b"}"
