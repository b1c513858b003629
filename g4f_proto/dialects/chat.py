# Chat completions, both directions: ChatStream and ChatReply write what ChatStreamReader and ChatReplyReader read.
#
# Writing: everything that does not change from one chunk to the next is encoded once, so a delta is two joins around
# one quoted string. What clients die of is kept by construction: the role once, in the first chunk; `finish_reason`
# on every chunk and non-null once; `usage` in a chunk of its own with `choices: []` only when it was asked for; every
# nullable key present. https://platform.openai.com/docs/api-reference/chat-streaming
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from pydantic import JsonValue

from .._api import Api
from .._calls import ChatCall
from .._capabilities import check
from .._errors import ApiError, InvalidRequest, ProviderNotWorking, UnsupportedParameter
from .._events import REASONS, Finish, ProviderEvent, Quiet, Reasoning, Usage
from .._schema import parse, validate
from .._schema.chat import ChatRequest, Message, OtherPart
from .._sse import DONE, PING, SseDecoder, SseError, frame
from .._text import quote, quoted
from . import JSON_HEADERS, SSE_HEADERS, Encoder, Headers

__all__ = ("ChatReply", "ChatStream", "ChatStreamReader", "read_reply", "read_request")

_NO_CONTENT: Final = frozenset({"assistant", "function"})  # roles whose content may be null or missing


def read_request(body: bytes, api: Api, *, id: str, created: int, provider: str | None) -> tuple[ChatCall, Encoder]:
    """A request's body as the call it demands and the encoder of its reply; `provider` is what the path named.

    :raises ApiError: with the status the client shall see.
    """
    document = parse(body, depth=api.limits.depth)
    request = validate(ChatRequest, document)
    choice = api.catalog.resolve(request.model, provider or request.provider)
    check(choice, document)
    for position, message in enumerate(request.messages):
        _check_message(message, position, document, choice.model)
    call = ChatCall(provider=choice.provider.name, model=choice.model, request=request, body=document)
    reply = ChatStream if request.stream else ChatReply
    return call, reply(request, id=id, created=created, call=call, fingerprint=api.fingerprint)


def _check_message(message: Message, position: int, document: Mapping[str, JsonValue], model: str) -> None:
    content = message.content
    if isinstance(content, str):
        return
    where = f"messages[{position}].content"
    if content is None:
        if message.role in _NO_CONTENT:
            return
        given = document["messages"]
        missing = isinstance(given, list) and "content" not in (given[position] or {})  # type: ignore[operator]
        if missing:
            raise InvalidRequest(
                f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter"
            )
        raise InvalidRequest(
            f"Invalid type for '{where}': expected a string or an array, but got null instead.",
            param=where,
            code="invalid_type",
        )
    for index, part in enumerate(content):
        if isinstance(part, OtherPart):
            raise UnsupportedParameter(
                f"Invalid content type: the model '{model}' takes no '{part.type}' parts.",
                param=f"{where}[{index}]",
            )


class _Chat:
    """What a stream and a single reply have in common: the envelope, the reason it ended, the count."""

    def __init__(self, request: ChatRequest, *, id: str, created: int, call: ChatCall, fingerprint: str) -> None:
        self.usage: Usage | None = None
        self._reason = "stop"
        # The model's name is the one the client asked for: "model echoes the requested id".
        self._envelope = (
            b'"id":"chatcmpl-%b","object":"%%b","created":%d,"model":%b,"provider":%b,"system_fingerprint":%b'
            % (
                id.encode("ascii"),
                created,
                quoted(request.model or call.model).replace(b"%", b"%%"),
                quoted(call.provider).replace(b"%", b"%%"),
                quoted(fingerprint).replace(b"%", b"%%"),
            )
        )

    def _note(self, event: ProviderEvent) -> None:
        if isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Finish):
            self._reason = event.reason


class ChatStream(_Chat):
    """One ``chat.completion.chunk`` an event, each a whole frame."""

    headers: ClassVar[Headers] = SSE_HEADERS
    live: ClassVar[bool] = True

    def __init__(self, request: ChatRequest, *, id: str, created: int, call: ChatCall, fingerprint: str) -> None:
        super().__init__(request, id=id, created=created, call=call, fingerprint=fingerprint)
        start = b"data: {" + self._envelope % b"chat.completion.chunk" + b',"choices":['
        # "usage: null" stands on every chunk but the last exactly when the last will carry it.
        asked = request.include_usage
        self._end = (b'],"usage":null}' if asked else b"]}") + b"\n\n"
        self._last = start
        self._asked, self._silent = asked, request.stream_options is not None
        # The first delta: `{"role": "assistant", "content": "", "refusal": null}`, as recorded from api.openai.com.
        self._role: bytes = self._chunk(b'{"role":"assistant","content":"","refusal":null}')
        self._prefix = start + b'{"index":0,"delta":{"content":'
        self._suffix = b'},"logprobs":null,"finish_reason":null}' + self._end

    def _chunk(self, delta: bytes, reason: bytes = b"null", end: bytes | None = None) -> bytes:
        choice = b'{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}' % (delta, reason)
        return self._last + choice + (end or self._end)

    def text(self, text: str) -> bytes:
        # One join of bytes around one quoted string. https://json.org: every str has an ASCII literal.
        return self._prefix + quote(text).encode("ascii") + self._suffix

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, str):
            return self._opening() + self.text(event)
        if isinstance(event, Reasoning):
            # Both names that clients look for, never inside `content`.
            words = quoted(event.text)
            return self._opening() + self._chunk(b'{"reasoning_content":%b,"reasoning":%b}' % (words, words))
        if isinstance(event, Quiet):
            return self._opening() + PING
        self._note(event)
        return b""

    def _opening(self) -> bytes:
        role, self._role = self._role, b""
        return role

    def end(self) -> bytes:
        usage = None if self.usage is None else _usage(self.usage)
        if self._asked:
            tail = self._last + b'],"usage":' + (usage or b"null") + b"}\n\n"
            finish = self._chunk(b"{}", quoted(self._reason))
        else:
            # Without `stream_options` the finish chunk tells the usage, as the G4F REST API shows it.
            tail = b""
            told = usage is not None and not self._silent
            finish = self._chunk(
                b"{}", quoted(self._reason), b'],"usage":' + usage + b"}\n\n" if told and usage else None
            )
        return self._opening() + finish + tail + DONE

    def fail(self, error: ApiError) -> bytes:
        # One nested error object with no event name, then the terminator; never a made-up finish_reason.
        return frame(error.body()) + DONE


class ChatReply(_Chat):
    """One ``chat.completion`` document at the end."""

    headers: ClassVar[Headers] = JSON_HEADERS
    live: ClassVar[bool] = False

    def __init__(self, request: ChatRequest, *, id: str, created: int, call: ChatCall, fingerprint: str) -> None:
        super().__init__(request, id=id, created=created, call=call, fingerprint=fingerprint)
        self._texts: list[str] = []
        self._thoughts: list[str] = []

    def text(self, text: str) -> bytes:
        self._texts.append(text)
        return b""

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, str):
            self._texts.append(event)
        elif isinstance(event, Reasoning):
            self._thoughts.append(event.text)
        else:
            self._note(event)
        return b""

    def end(self) -> bytes:
        thoughts = b""
        if self._thoughts:
            words = quoted("".join(self._thoughts))
            thoughts = b',"reasoning_content":%b,"reasoning":%b' % (words, words)
        return (
            b'{%b,"choices":[{"index":0,"message":{"role":"assistant","content":%b,"refusal":null%b},"logprobs":null,"finish_reason":%b}],"usage":%b}'
            % (
                self._envelope % b"chat.completion",
                quoted("".join(self._texts)),
                thoughts,
                quoted(self._reason),
                b"null" if self.usage is None else _usage(self.usage),
            )
        )

    def fail(self, error: ApiError) -> bytes:
        return error.body()


def _usage(usage: Usage) -> bytes:
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
        b'"prompt_tokens_details":{"cached_tokens":%d},"completion_tokens_details":{"reasoning_tokens":%d}}'
    ) % (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens + usage.completion_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    )


class ChatStreamReader:
    """The stream of an OpenAI-compatible upstream, read: bytes in, events out, at any split of the bytes."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._finished = False
        self._done = False

    def feed(self, data: bytes) -> Iterator[ProviderEvent]:
        """The events these bytes complete, those before an error included; nothing after ``[DONE]``.

        Nothing is read until it is iterated; iterate to the end before feeding more.

        :raises ApiError: the upstream sent an error object, or something that is no chat stream.
        """
        try:
            for event in self._sse.feed(data):
                if self._done or event.data.startswith("[DONE]"):
                    self._done = True
                elif event.data:
                    yield from self._chunk(json.loads(event.data))
        except (SseError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise ProviderNotWorking("The provider's stream could not be read.") from None

    def end(self) -> None:
        """The upstream closed the stream.

        :raises ProviderNotWorking: before it had finished: neither a ``finish_reason`` nor ``[DONE]`` came.
        """
        if not (self._finished or self._done):
            raise ProviderNotWorking("The provider broke its stream off.")

    def _chunk(self, chunk: dict[str, JsonValue]) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        _raise_error(chunk)
        for choice in chunk.get("choices") or ():  # type: ignore[union-attr]
            _read_choice(choice, choice.get("delta") or {}, events)  # type: ignore[union-attr, arg-type]
            self._finished = self._finished or bool(choice.get("finish_reason"))  # type: ignore[union-attr]
        _read_usage(chunk, events)
        return events


def read_reply(body: bytes) -> list[ProviderEvent]:
    """One ``chat.completion`` document of an upstream as the events that would have made it.

    :raises ApiError: it is an error object, or no chat completion.
    """
    events: list[ProviderEvent] = []
    try:
        document = json.loads(body)
        _raise_error(document)
        for choice in document["choices"]:
            _read_choice(choice, choice["message"], events)
        _read_usage(document, events)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderNotWorking("The provider's reply could not be read.") from None
    return events


def _raise_error(document: Mapping[str, JsonValue]) -> None:
    # An upstream's own words stay there: its message may hold its keys and hosts. Told is only that it failed, and
    # its code.
    error = document.get("error")
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        raise ProviderNotWorking("The provider answered with an error.", code=code if isinstance(code, str) else None)


def _read_choice(choice: Mapping[str, JsonValue], said: Mapping[str, JsonValue], events: list[ProviderEvent]) -> None:
    thought = said.get("reasoning_content") or said.get("reasoning")
    if isinstance(thought, str) and thought:
        events.append(Reasoning(text=thought))
    content = said.get("content")
    if isinstance(content, str) and content:
        events.append(content)
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason:  # some say "" until the end
        events.append(Finish(reason=REASONS.get(reason, "stop")))


def _read_usage(document: Mapping[str, JsonValue], events: list[ProviderEvent]) -> None:
    usage = document.get("usage")
    if isinstance(usage, dict):
        events.append(
            Usage(
                prompt_tokens=_count(usage, "prompt_tokens"),
                completion_tokens=_count(usage, "completion_tokens"),
                cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
                reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
            )
        )


def _count(counts: JsonValue, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else 0
    return value if type(value) is int and 0 <= value < 2**63 else 0
