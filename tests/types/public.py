# The types a user of `g4f_proto` sees. Never run: mypy reads it, and every `type: ignore` is a mistake mypy must find
# (an ignore that is not needed is an error too).
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never, assert_type

from pydantic import JsonValue

from g4f_proto import (
    ACCEPTS,
    DONE,
    KINDS,
    MEDIA_TYPES,
    PARAMETERS,
    PING,
    QUIET,
    REASONS,
    ROUTES,
    TRANSITIONS,
    Api,
    ApiError,
    Call,
    Catalog,
    ChatCall,
    ChatRequest,
    ChatStreamReader,
    Choice,
    Embedding,
    Endpoint,
    Event,
    Exchange,
    File,
    Finish,
    FinishReason,
    ForChoice,
    Function,
    Head,
    Heard,
    Image,
    InvalidRequest,
    Limits,
    MediaCall,
    MediaPart,
    Message,
    MessageStreamReader,
    Model,
    Outcome,
    ProviderEvent,
    ProviderInfo,
    Quiet,
    RateLimited,
    Reasoning,
    Refusal,
    RequestHead,
    ResponseStreamReader,
    Scored,
    Segment,
    SseDecoder,
    SseEvent,
    State,
    StopFilter,
    Stored,
    TokenLogprob,
    ToolCall,
    Usage,
    ask_message,
    ask_response,
    emulated,
    frame,
    media_part,
    offered,
    read_images,
    read_message,
    read_models,
    read_reply,
    read_response,
    with_messages,
)


def exchange(one: Exchange) -> None:
    assert_type(one.state, State)
    assert_type(one.head, Head | None)
    assert_type(one.call, Call | None)
    assert_type(one.quiet_limit, float | None)
    assert_type(one.outcome, Outcome)
    assert_type(one.api, Api)
    assert_type(one.receive_data(b""), bool)
    assert_type(one.receive_end(), bytes)
    assert_type(one.send("text"), bytes)
    assert_type(one.send(QUIET), bytes)
    assert_type(one.send(Usage(prompt_tokens=1, completion_tokens=1)), bytes)
    assert_type(one.send(ForChoice(index=1, event=ToolCall(index=0, id="c", name="f", arguments="{}"))), bytes)
    assert_type(one.satisfied, bool)
    one.satisfied = True  # type: ignore[misc]
    assert_type(one.end(), bytes)
    assert_type(one.fail(RateLimited("slow", retry_after=1.5)), bytes)
    assert_type(one.send(b"bytes"), bytes)
    assert_type(one.learn(Catalog()), bytes)
    assert_type(one.another(RateLimited("slow")), bool)
    assert_type(one.collects, bool)
    one.send(None)  # type: ignore[arg-type]
    one.fail(ValueError("x"))  # type: ignore[arg-type]
    one.receive_data("text")  # type: ignore[arg-type]
    one.anything = 1  # type: ignore[attr-defined]


def made(api: Api, headers: Mapping[bytes, bytes]) -> None:
    head = RequestHead("POST", b"/v1/chat/completions", headers)
    Exchange(head, api, id="0", created=1)
    Exchange(head, api, "0", 1)  # type: ignore[call-arg]
    Exchange(head, api)  # type: ignore[call-arg]
    RequestHead("POST", "/", headers)  # type: ignore[arg-type]
    head.method = "GET"  # type: ignore[misc]
    api.keys = ("k",)  # type: ignore[misc]
    Api(keys=["k"])  # type: ignore[arg-type]
    Api(limits=Limits(body=1, depth=2, headers=3), origins=frozenset({"o"}), quiet_limit=1, fingerprint="f")


def head(one: Head, outcome: Outcome) -> None:
    assert_type(one.status, int)
    assert_type(one.headers, tuple[tuple[bytes, bytes], ...])
    assert_type(outcome.error, ApiError | None)
    assert_type(outcome.usage, Usage | None)
    assert_type(outcome.delivered, bool)


def call(any: Call, one: ChatCall, request: ChatRequest, message: Message) -> None:
    assert_type(any.model, str)
    assert_type(one.request, ChatRequest)
    assert_type(one.body, Mapping[str, JsonValue])
    assert_type(one.timeout, float | None)
    assert_type(one.model, str)
    assert_type(one.copies, int)
    assert_type(one.principal, str)
    assert_type(one.conversation, str | None)
    assert_type(with_messages(one, [{"role": "user", "content": "x"}]), ChatCall)
    assert_type(offered(request), tuple[Sequence[Function], bool])
    assert_type(request.schema_asked, dict[str, JsonValue] | None)
    assert_type(request.logit_bias, dict[str, float] | None)
    assert_type(request.n, int | None)
    assert_type(message.tool_call_id, str | None)
    assert_type(message.image_urls, list[str])
    assert_type([call.function.arguments for call in message.tool_calls or ()], list[str])
    assert_type([tool.function for tool in request.tools or ()], list[Function])
    assert_type(request.messages, list[Message])
    assert_type(request.model, str | None)
    assert_type(request.max_tokens, int | None)
    assert_type(request.temperature, float | None)
    assert_type(request.token_limit, int | None)
    assert_type(request.stops, tuple[str, ...])
    assert_type(request.include_usage, bool)
    assert_type(message.text, str)
    assert_type(message.role, Literal["developer", "system", "user", "assistant", "tool", "function"])


def events(event: ProviderEvent) -> str:
    """A dispatch over all events is complete: a new kind of event fails here first."""
    match event:
        case ForChoice():
            return f"{assert_type(event.index, int)}: {said(assert_type(event.event, Event))}"
        case Usage():
            return str(assert_type(event.prompt_tokens, int))
        case bytes():
            return event.hex()
        case Image():
            return str(assert_type(event.url, str | None))
        case Heard():
            return assert_type(event.language, str)
        case Segment():
            return " ".join(assert_type(word.text, str) for word in event.words)
        case Embedding():
            return str(assert_type(event.vector, Sequence[float]))
        case File():
            return assert_type(event.etag, str)
        case Stored():
            return str(assert_type(event.error, str | None))
        case Quiet.QUIET:
            return ""
        case _:
            return said(event)


def said(event: Event) -> str:
    """What one choice says of itself."""
    match event:
        case str():
            return event
        case Reasoning() | Refusal():
            return assert_type(event.text, str)
        case ToolCall():
            assert_type(event.id, str | None)
            assert_type(event.name, str | None)
            return f"{assert_type(event.index, int)}: {assert_type(event.arguments, str)}"
        case Scored():
            assert_type(event.tokens, tuple[TokenLogprob, ...])
            assert_type(event.tokens[0].bytes, tuple[int, ...] | None)
            assert_type(event.tokens[0].top, tuple[TokenLogprob, ...])
            assert_type(event.tokens[0].logprob, float)
            return event.text
        case Finish():
            return assert_type(event.reason, FinishReason)
        case _:
            assert_never(event)


def wrong_events() -> None:
    Reasoning("text")  # type: ignore[call-arg]
    Finish(reason="tired")  # type: ignore[arg-type]
    Usage(prompt_tokens=1)  # type: ignore[call-arg]
    ToolCall(name="f")  # type: ignore[call-arg]
    ToolCall(0, "c", "f")  # type: ignore[call-arg]
    Scored(text="t", tokens=[])  # type: ignore[arg-type]
    TokenLogprob(token="t")  # type: ignore[call-arg]
    ForChoice(index=1, event=QUIET)  # type: ignore[arg-type]
    ForChoice(index=1, event=ForChoice(index=1, event="t"))  # type: ignore[arg-type]
    ForChoice(index=1, event=Usage(prompt_tokens=1, completion_tokens=1))  # type: ignore[arg-type]
    Reasoning(text="t").text = "u"  # type: ignore[misc]


def states(state: State) -> str:
    match state:
        case State.RECEIVING | State.WAITING | State.CALLING | State.STREAMING | State.DONE | State.CLOSED:
            return state.value
        case _:
            assert_never(state)


def catalog(one: Catalog, info: ProviderInfo) -> None:
    assert_type(one.resolve("model"), tuple[Choice, ...])
    assert_type(one.resolve(None, "provider", "image")[0].provider, ProviderInfo)
    assert_type(one.provider("name"), ProviderInfo)
    assert_type(info.native, frozenset[str])
    assert_type(emulated(info, "n"), bool)
    Model(id="a", owned_by="b", created=1, kinds=KINDS, vision=True, options=True, listed=False)
    Model("a", "b")  # type: ignore[call-arg]


def errors(error: ApiError) -> None:
    assert_type(error.status, int)
    assert_type(error.type, str)
    assert_type(error.code, str | None)
    assert_type(error.param, str | None)
    assert_type(error.retry_after, float | None)
    assert_type(error.headers, tuple[tuple[bytes, bytes], ...])
    assert_type(error.body(), bytes)
    InvalidRequest("m", code="c", param="p", status=418, type="t")
    InvalidRequest("m", "c")  # type: ignore[call-arg]


def readers(data: bytes) -> None:
    assert_type(SseDecoder(max_event=5).feed(data), Iterator[SseEvent])
    reader = ChatStreamReader()
    assert_type(reader.feed(data), Iterator[ProviderEvent])
    reader.end()
    assert_type(read_reply(data), list[ProviderEvent])
    assert_type(MessageStreamReader().feed(data), Iterator[ProviderEvent])
    assert_type(ResponseStreamReader().done, bool)
    assert_type(read_message(data), list[ProviderEvent])
    assert_type(read_response(data), list[ProviderEvent])
    assert_type(read_models(data), tuple[Model, ...])
    assert_type(read_images(data), tuple[ProviderEvent, ...])
    assert_type(frame(data), bytes)
    assert_type(StopFilter(("a",)).push("text"), str)
    assert_type(StopFilter(["a"]).flush(), str)


def files(file: File, call: MediaCall) -> None:
    part = media_part(file, call)
    assert_type(part, MediaPart)
    assert_type((part.status, part.start, part.stop), tuple[int, int, int])
    assert_type(part.headers, tuple[tuple[bytes, bytes], ...])
    assert_type(MEDIA_TYPES["png"], str)


def constants() -> None:
    assert_type(ACCEPTS, Mapping[State, frozenset[str]])
    assert_type(PARAMETERS, Mapping[str, tuple[JsonValue, ...]])
    assert_type(REASONS, Mapping[str, FinishReason])
    assert_type(ROUTES[0][2], Literal[Endpoint.CHAT])
    told: list[tuple[State, str, State, str]] = [*TRANSITIONS]
    assert_type(told[0], tuple[State, str, State, str])
    assert_type(PING + DONE, bytes)


def what_other_apis_are_asked(call: ChatCall) -> None:
    assert_type(ask_message(call), dict[str, JsonValue])
    assert_type(ask_response(call), dict[str, JsonValue])
