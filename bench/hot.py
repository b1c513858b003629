"""Times the protocol core alone, without sockets or an event loop: `python -m bench.hot [--repeats N]`.

A JSON chat is timed from the bytes of its body to the bytes of its reply: routing, the key, JSON, validation, the
catalog, the encoder. A delta is timed as what a running stream pays for it: one `send`. Each figure is the median of
the repeats. The floor, `json.loads` and pydantic's validation of the same body, is what any server with typed
requests pays.
"""

import argparse
import json
from collections.abc import Callable
from statistics import median
from timeit import Timer

from g4f_proto import Api, Catalog, ChatRequest, Exchange, Model, ProviderInfo, RequestHead, Usage

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
INFO = ProviderInfo(name="P", label="P", default_model="m", native=frozenset({"temperature", "max_tokens"}))
API = Api(catalog=Catalog(providers={"P": INFO}, models={"P": (Model(id="m", owned_by="p"),)}), keys=("secret",))


def called(body: bytes) -> Exchange:
    """An exchange that has read its request and waits for the provider."""
    exchange = Exchange(HEAD, API, id="0123456789abcdef0123456789abcdef", created=1_800_000_000)
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


def deltas() -> Callable[[], object]:
    """A thousand deltas of a stream that is under way; what they make is dropped, as a socket would drop it."""
    exchange = called(STREAM_BODY)
    exchange.send("It")
    words = ANSWER * 100

    def run() -> None:
        send = exchange.send
        for text in words:
            send(text)

    return run


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
    delta = microseconds(deltas(), repeats) / 1000
    print(f"| the core alone, median of {repeats} | measured | budget | |")
    print("| --- | ---: | ---: | --- |")
    print(f"| JSON chat of {len(ANSWER)} deltas, bytes to bytes | {chat:.1f} µs | 60 µs | {verdict(chat, 60)} |")
    print(f"| floor of it: `json.loads` and validation | {floor:.1f} µs | | |")
    print(f"| stream of {len(ANSWER)} deltas, bytes to bytes | {stream:.1f} µs | | |")
    print(f"| one more text delta in a stream | {delta * 1000:.0f} ns | 500 ns | {verdict(delta, 0.5)} |")


def verdict(measured: float, budget: float) -> str:
    return "kept" if measured <= budget else "**missed**"


if __name__ == "__main__":
    main()
