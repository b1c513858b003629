"""Times the protocol core alone, without sockets or an event loop: `python -m bench.hot [--repeats N]`.

A JSON chat is timed from the bytes of its body to the bytes of its reply: routing, the key, JSON, validation, the
catalog, the encoder. A delta is timed as what a running stream pays for it: one `send`. Each figure is the median of
the repeats. The floor, `json.loads` and pydantic's validation of the same body, is what any server with typed
requests pays. What tools, forced JSON, a counter and a limit add to a delta is timed in the same way; a chat of ten
thousand messages and one with a schema of a megabyte are timed once over, for they must only stay below a second.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from timeit import Timer

from g4f_proto import (
    Api,
    Catalog,
    ChatRequest,
    Event,
    Exchange,
    Limits,
    MiB,
    Model,
    ProviderInfo,
    RequestHead,
    ToolCall,
    Usage,
)
from providers.tokens import estimate_tokens

Stream = tuple[Callable[[], object], int]  # what says its deltas, and how many they are

ANSWER = ["Paris", " is", " the", " capital", " of", " France", ",", " as", " ever", "."]
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
CHAT = {"model": "m", "messages": MESSAGES, "temperature": 0.7, "max_tokens": 100}
JSON_BODY = json.dumps(CHAT).encode()
STREAM_BODY = json.dumps(CHAT | {"stream": True}).encode()
USAGE = Usage(prompt_tokens=11, completion_tokens=len(ANSWER))

# What openai-python sends.
HEADERS = {
    b"host": b"127.0.0.1:1337",
    b"accept-encoding": b"gzip, deflate",
    b"connection": b"keep-alive",
    b"accept": b"application/json",
    b"content-type": b"application/json",
    b"user-agent": b"OpenAI/Python 3.54.0",
    b"x-stainless-lang": b"python",
    b"x-stainless-runtime": b"CPython",
    b"authorization": b"Bearer secret",
    b"content-length": b"%d" % len(JSON_BODY),
}
HEAD = RequestHead("POST", b"/v1/chat/completions", HEADERS)
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
HUGE = Limits(body=100 * MiB)


def serving(*native: str, counts: bool = False) -> Api:
    """An API of one provider that honours these parameters."""
    info = ProviderInfo(name="P", label="P", default_model="m", native=frozenset(native))
    catalog = Catalog(providers={"P": info}, models={"P": (Model(id="m", owned_by="p"),)})
    return Api(catalog=catalog, keys=("secret",), limits=HUGE, counter=estimate_tokens if counts else None)


API = serving("temperature", "max_tokens", "tools", "response_format")
FORCED = serving("temperature", "max_tokens", "response_format")
COUNTED = serving("temperature", counts=True)


def called(body: bytes, api: Api = API) -> Exchange:
    """An exchange that has read its request and waits for the provider."""
    exchange = Exchange(HEAD, api, id="0123456789abcdef0123456789abcdef", created=1_800_000_000)
    exchange.receive_data(body)
    refusal = exchange.receive_end()
    assert exchange.call is not None, refusal
    return exchange


def request(body: bytes) -> bytes:
    """The whole exchange, with everything it writes."""
    exchange = called(body)
    send = exchange.send
    written = [send(text) for text in ANSWER]
    written += [send(USAGE), exchange.end()]
    return b"".join(written)


def deltas(opening: Event = "It", pieces: Sequence[Event] = ANSWER, api: Api = API, **fields: object) -> Stream:
    """Thousands of deltas of a stream that is under way; what they make is dropped, as a socket would drop it."""
    exchange = called(json.dumps(CHAT | {"stream": True, "max_tokens": None} | fields).encode(), api)
    exchange.send(opening)
    events = [*pieces] * 100

    def run() -> None:
        send = exchange.send
        for event in events:
            send(event)

    return run, len(events)


#: What is streamed, beside plain text, and may cost so much more.
STREAMS: Mapping[str, Stream] = {
    "a piece of a tool call's arguments": deltas(
        ToolCall(index=0, id="c", name="f"), [ToolCall(index=0, arguments=text) for text in ANSWER], tools=TOOLS
    ),
    "the same, made of forced JSON": deltas('{"name":"f","arguments":{"a":"', ANSWER, FORCED, tools=TOOLS),
    "words, made of forced JSON": deltas('{"answer":"', ANSWER, FORCED, tools=TOOLS),
    "JSON that the provider is held to": deltas(response_format={"type": "json_object"}),
}
#: What the machine does in a provider's place, and may cost what it costs.
HELPS: Mapping[str, Stream] = {
    "text whose tokens are counted at the end": deltas(api=COUNTED),
    "text up to a limit of tokens": deltas(api=COUNTED, max_tokens=2**60),
    "text up to a stop": deltas(api=FORCED, stop="END"),
}


def large(**fields: object) -> float:
    """Seconds from the bytes of a large request to the bytes of its reply, with its tokens counted."""
    body = json.dumps(CHAT | {"max_tokens": None} | fields).encode()
    begun = perf_counter()
    exchange = called(body, serving("temperature", "response_format", counts=True))
    exchange.send("{}")
    exchange.end()
    return perf_counter() - begun


def microseconds(action: Callable[[], object], repeats: int) -> float:
    """The median of `repeats` runs of about 0.2 s each."""
    timer = Timer(action)
    number, _ = timer.autorange()
    return median(timer.repeat(repeats, number)) / number * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hot", description="Time the protocol core alone.")
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    reply = json.loads(request(JSON_BODY))
    assert reply["choices"][0]["message"]["content"] == "".join(ANSWER), reply
    assert request(STREAM_BODY).count(b"data: ") == len(ANSWER) + 3  # the role, the end, [DONE]

    chat = microseconds(lambda: request(JSON_BODY), repeats)
    floor = microseconds(lambda: ChatRequest.model_validate(json.loads(JSON_BODY)), repeats)
    stream = microseconds(lambda: request(STREAM_BODY), repeats)
    delta = per_event(deltas(), repeats)
    print(f"| the core alone, median of {repeats} | measured | budget | |")
    print("| --- | ---: | ---: | --- |")
    print(f"| JSON chat of {len(ANSWER)} deltas, bytes to bytes | {chat:.1f} µs | 60 µs | {verdict(chat, 60)} |")
    print(f"| floor of it: `json.loads` and validation | {floor:.1f} µs | | |")
    print(f"| stream of {len(ANSWER)} deltas, bytes to bytes | {stream:.1f} µs | | |")
    print(f"| one more text delta in a stream | {delta * 1000:.0f} ns | 500 ns | {verdict(delta, 0.5)} |")
    for name, run in STREAMS.items():
        more = per_event(run, repeats) - delta
        print(f"| {name}: more than a text delta | {more * 1000:+.0f} ns | 2,000 ns | {verdict(more, 2)} |")
    for name, run in HELPS.items():
        print(f"| {name}: more than a text delta | {(per_event(run, repeats) - delta) * 1000:+.0f} ns | | |")
    schema = {"type": "object", "properties": {f"property_{number}": {"type": "string"} for number in range(27_000)}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    for name, seconds in (
        ("10 000 messages", large(messages=MESSAGES * 5_000)),
        (f"a schema of {len(json.dumps(schema)) / 1e6:.1f} MB", large(response_format=shape)),
        ("tools of that size, made of forced JSON", large(tools=tools)),
    ):
        print(f"| {name}, bytes to bytes | {seconds * 1000:.0f} ms | 1 s | {verdict(seconds, 1)} |")


def per_event(stream: Stream, repeats: int) -> float:
    run, events = stream
    return microseconds(run, repeats) / events


def verdict(measured: float, budget: float) -> str:
    return "kept" if measured <= budget else "**missed**"


if __name__ == "__main__":
    main()
