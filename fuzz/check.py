# What must hold for any bytes. Each check takes a source of chance and raises when something does not hold: an
# exception that is not documented, or a broken promise (AssertionError).
from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Final

from g4f_proto import (
    PARAMETERS,
    QUIET,
    Api,
    ApiError,
    Catalog,
    ChatStreamReader,
    CompletionStreamReader,
    Exchange,
    Finish,
    ForChoice,
    Image,
    InternalError,
    Limits,
    LocalProtocolError,
    MessageStreamReader,
    Model,
    ProviderEvent,
    ProviderInfo,
    Reasoning,
    Refusal,
    RequestHead,
    ResponseStreamReader,
    Scored,
    SseDecoder,
    SseError,
    State,
    StopFilter,
    TokenLogprob,
    ToolCall,
    Usage,
    read_completion_reply,
    read_images,
    read_message,
    read_models,
    read_reply,
    read_response,
)

from .files import files
from .mutate import BODIES, STREAMS, TARGETS, mutant

__all__ = ("CHECKS",)


def _catalog(*native: str, think_tags: bool = False) -> Catalog:
    echo = ProviderInfo(
        name="Echo", label="Echo", default_model="echo", native=frozenset(native), think_tags=think_tags
    )
    models = (Model(id="echo", owned_by="us", kinds=frozenset({"chat", "image"}), options=True),)
    return Catalog(providers={"Echo": echo}, models={"Echo": models}, aliases={"*": "echo"})


_SOME: Final = _catalog("stop", "max_tokens", "seed", "temperature")
_APIS: Final = (
    Api(catalog=_SOME),
    Api(catalog=_SOME, keys=("key",), origins=frozenset({"https://a"}), limits=Limits(body=300, headers=200, depth=6)),
    Api(catalog=_catalog(*PARAMETERS)),
    Api(catalog=_catalog(*(set(PARAMETERS) - {"n", "stop", "tools", "functions", "tool_choice"}), think_tags=True)),
    Api(catalog=_catalog("response_format", "temperature", think_tags=True), counter=lambda texts: len("".join(texts))),
)
_NAMES: Final = (
    b"authorization", b"x-api-key", b"content-type", b"content-length", b"origin", b"access-control-request-headers",
)  # fmt: skip
_VALUES: Final = (
    b"Bearer key",
    b"key",
    b"application/json",
    b"text/plain",
    b"20",
    b"https://a",
    b"\xff",
    b"",
    b"a\r\nb: c",
)
_EVENTS: Final[tuple[ProviderEvent, ...]] = (
    "hello", "", "\ud83d", "%b\u2028", QUIET, Reasoning(text="hm"), Finish(reason="length"),
    Usage(prompt_tokens=1, completion_tokens=2), Refusal(text="no"), Finish(reason="tool_calls"),
    ToolCall(index=0, id="c", name="f", arguments="{"), ToolCall(index=0, arguments="}"), ToolCall(index=-1, name="g"),
    ToolCall(index=5, arguments="x"), Scored(text="ab", tokens=(TokenLogprob(token="a", logprob=float("-inf")),)),  # noqa: S106
    ForChoice(index=1, event="b"), ForChoice(index=1, event=ToolCall(index=0, id="d", name="f")),
    ForChoice(index=9, event="z"), ForChoice(index=-1, event=Finish(reason="length")), '{"name":"f","argu',
    Image(data=b"\x89PNG", revised_prompt="\ud83d"), Image(url="/media/x.png"), Image(url="https://a/\"b"),
    'ments": {"a": "}"}}', '{"answer": "\\ud8', '3d\\ude00 ST', 'OP"}', "<think>", "</think>", " \n",
)  # fmt: skip


def exchange(chance: Random) -> None:
    """Any request, whole and in pieces, then any order of inputs: a well-formed reply and no exception."""
    method = chance.choice(("POST", "POST", "POST", "GET", "HEAD", "OPTIONS", "PUT", ""))
    target = mutant(chance.choice(TARGETS), chance) if chance.random() < 0.3 else chance.choice(TARGETS)
    headers = {name: chance.choice(_VALUES) for name in _NAMES if chance.random() < 0.15}
    request = RequestHead(method, target, headers)
    body, api = mutant(chance.choice(BODIES), chance), chance.choice(_APIS)
    whole = Exchange(request, api, id="0" * 32, created=1)
    whole.receive_data(body)
    out = whole.receive_end()
    split = Exchange(request, api, id="0" * 32, created=1)
    for piece in _pieces(body, chance):
        if not split.receive_data(piece):
            break
    assert (split.receive_end(), split.head, split.state) == (out, whole.head, whole.state), "a split changed the reply"
    for _ in range(chance.randrange(8)):
        before = whole.state
        try:
            piece = _step(whole, chance)
        except LocalProtocolError:
            assert whole.state is before
            continue
        assert not piece or before in (State.CALLING, State.STREAMING), "bytes after the end"
        out += piece
    if whole.state in (State.CALLING, State.STREAMING):
        out += whole.end()
    _judge(whole, out, bodyless=method == "HEAD")


def _step(whole: Exchange, chance: Random) -> bytes:
    match chance.randrange(12):
        case 0:
            return whole.end()
        case 1:
            return whole.fail(InternalError("made up"))
        case 2 if chance.random() < 0.3:
            whole.disconnect()
            return b""
        case 3:
            whole.receive_data(b"x")
            return b""
        case 4:
            return whole.receive_end()
        case _:
            return whole.send(chance.choice(_EVENTS))


def _judge(whole: Exchange, out: bytes, *, bodyless: bool) -> None:
    text = out.decode("ascii")
    head = whole.head
    if head is None:
        assert whole.state is State.CLOSED
        assert not out
        return
    for name, value in head.headers:
        assert name == name.lower().strip()
        assert not set(value) & {0x0A, 0x0D, 0x00}, "a header field that breaks out of its line"
        assert value == value.strip()
    fields = dict(head.headers)
    assert len(fields) == len(head.headers), "a field told twice"
    assert whole.state in (State.DONE, State.CLOSED)
    if bodyless or head.status == 204:
        assert not out
    elif fields[b"content-type"].startswith(b"text/event-stream"):
        blocks = text.split("\n\n")
        assert blocks.pop() == "", "half a frame"
        if any(block.startswith("event: ") for block in blocks):
            _named(blocks, whole.state)
            return
        assert all(block == ": ping" or block.startswith("data: ") for block in blocks)
        assert not any("\n" in block or "\r" in block for block in blocks)
        assert blocks.count("data: [DONE]") == (whole.state is State.DONE)
        if whole.state is State.DONE:
            assert blocks[-1] == "data: [DONE]"
        for block in blocks:
            if block not in (": ping", "data: [DONE]"):
                assert isinstance(json.loads(block[6:]), dict)
        if whole.state is State.DONE:
            _told([json.loads(block[6:]) for block in blocks if block not in (": ping", "data: [DONE]")])
    elif whole.state is State.DONE:
        assert int(fields[b"content-length"]) == len(out)
        document = json.loads(text)
        if head.status >= 400:
            assert "error" in document
            if document.get("type") == "error":
                assert set(document["error"]) == {"type", "message"}
                return
            assert list(document) == ["error"]
            assert set(document["error"]) == {"message", "type", "param", "code"}


_LAST: Final = frozenset({
    "message_stop", "error", "response.completed", "response.incomplete", "response.failed",
})  # fmt: skip


def _named(blocks: list[str], state: State) -> None:
    """Events whose names are their data's types; one that says that it is the last, and it is."""
    kinds = []
    for block in blocks:
        if block != ": ping":
            name, data = block.split("\n")
            kinds.append(json.loads(data.removeprefix("data: "))["type"])
            assert name == f"event: {kinds[-1]}"
    ends = [place for place, kind in enumerate(kinds) if kind in _LAST]
    if kinds[-1] == "response.failed":
        assert kinds[-2] == "error", "a failure without its reason"
        ends.remove(len(kinds) - 2)
    assert ends == ([len(kinds) - 1] if state is State.DONE else []), "one end, last"


def _told(chunks: list[dict[str, object]]) -> None:
    """Every choice begins once and ends once, unless the whole stream ends with an error."""
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]  # type: ignore[attr-defined]
    if any(choice.get("delta") is None for choice in choices) or (chunks and "error" in chunks[-1]):
        return  # a legacy completion has texts and no deltas
    for index in {choice["index"] for choice in choices}:
        mine = [choice for choice in choices if choice["index"] == index]
        assert [place for place, choice in enumerate(mine) if "role" in choice["delta"]] == [0], "one role, first"
        assert [place for place, choice in enumerate(mine) if choice["finish_reason"]] == [len(mine) - 1], (
            "one end, last"
        )


_Reader = ChatStreamReader | MessageStreamReader | ResponseStreamReader


def stream(chance: Random) -> None:
    """Any event stream, at any split: the same events, then the same end."""
    data = mutant(chance.choice(STREAMS), chance)
    limit = chance.choice((10, 100, 1 << 20))
    whole = _decoded([data], limit)
    assert whole == _decoded(_pieces(data, chance), limit) == _decoded([bytes([byte]) for byte in data], limit)
    for kind in (ChatStreamReader, CompletionStreamReader, MessageStreamReader, ResponseStreamReader):
        assert _read(kind(), [data]) == _read(kind(), _pieces(data, chance))


def _decoded(pieces: list[bytes], limit: int) -> list[object]:
    decoder, found = SseDecoder(max_event=limit), list[object]()
    try:
        for piece in pieces:
            found.extend(decoder.feed(piece))
    except SseError:
        found.append(SseError)
    return found


def _read(reader: _Reader, pieces: list[bytes]) -> list[object]:
    found = list[object]()
    try:
        for piece in pieces:
            found.extend(reader.feed(piece))
        reader.end()
    except ApiError as error:
        found.append((type(error), error.status, error.code))
    return found


def documents(chance: Random) -> None:
    """Any document of an upstream: what it says, or an ApiError."""
    seed = chance.choice(
        (
            *BODIES,
            b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}',
            b'{"choices":[{"text":"a","index":1,"finish_reason":"length"}]}',
            b'{"content":[{"type":"tool_use","id":"x","name":"f","input":{}}],"stop_reason":"end_turn","usage":{}}',
            b'{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"status":"completed"}',
            b'{"data":[{"id":"a"}]}',
            b'{"data":[{"b64_json":"aaaa"},{"url":"https://a/b"}],"usage":{"input_tokens":1}}',
        )
    )
    data = mutant(seed, chance)
    for read in (read_reply, read_completion_reply, read_message, read_response, read_models, read_images):
        try:
            read(data)
        except ApiError as error:
            error.body()


def stops(chance: Random) -> None:
    """A stop sequence never leaks, and the deltas' borders change nothing."""
    text = "".join(chance.choices("ab", k=chance.randrange(30)))
    wanted = ["".join(chance.choices("ab", k=chance.randint(1, 6))) for _ in range(chance.randrange(5))]

    def through(pieces: list[str]) -> str:
        stop = StopFilter(wanted)
        return "".join(map(stop.push, pieces)) + stop.flush()

    out = through([text])
    assert out == through(list(text)) == through([text[at : at + 3] for at in range(0, len(text), 3)])
    assert text.startswith(out)
    assert not any(stop in out for stop in wanted)


def calls(chance: Random) -> None:
    """What a model without tools was made to write, however broken: read without an exception, at any split."""
    parts = (
        '{"name": "f", "arguments": ', '{"answer": ', '{"a": [1, "}"]}', '"w\\u00e9"', "\\ud83d", "\\ude00",
        "\\u", "\\", '"', "{", "}",
        " ", "\n", "x",
        "12", "<think>", "</think>", "STOP",
    )  # fmt: skip
    text = "".join(chance.choices(parts, k=chance.randrange(12)))
    if chance.random() < 0.7:
        text = chance.choice(parts[:2]) + text
    body = _asking(chance)

    def through(pieces: list[str]) -> object:
        exchange = Exchange(RequestHead("POST", b"/v1/chat/completions", {}), _APIS[3], id="0" * 32, created=1)
        exchange.receive_data(body)
        exchange.receive_end()
        message = json.loads(b"".join(map(exchange.send, pieces)) + exchange.end())["choices"][0]["message"]
        arguments = "".join(call["function"]["arguments"] for call in message.get("tool_calls", ()))
        # White space between what should be one JSON value and something behind it is nobody's.
        return ["".join(str(said).split()) for said in (message["content"], message.get("reasoning"), arguments)]

    cut = [text[at : at + 3] for at in range(0, len(text), 3)]
    assert through([text]) == through(list(text)) == through(cut)


def _asking(chance: Random) -> bytes:
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = {
        "model": "echo",
        "messages": [{"role": "user", "content": "x"}],
        "tools": tools,
        "stop": chance.choice((None, "STOP")),
    }
    return json.dumps(body).encode()


def _pieces(data: bytes, chance: Random) -> list[bytes]:
    edges = [0, *sorted(chance.randint(0, len(data)) for _ in range(chance.randrange(6))), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


CHECKS: Final = (exchange, stream, documents, files, stops, calls)
