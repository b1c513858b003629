# Every (state, input) pair against the table: what it refuses is LocalProtocolError, what it takes leads where it says.
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from g4f_proto import (
    ACCEPTS,
    INPUTS,
    QUIET,
    TRANSITIONS,
    Exchange,
    File,
    InternalError,
    LocalProtocolError,
    Model,
    ProviderNotWorking,
    State,
)

from .made import API, CATALOG, ask, chat, start

INCOMPLETE = replace(API, catalog=replace(CATALOG, complete=False))
KNOWN = replace(CATALOG, models={**CATALOG.models, "Bare": (Model(id="nobody knows", owned_by=""),)})


def receiving() -> Exchange:
    return start()


def receiving_bad() -> Exchange:
    return start("GET", b"/nowhere")


def waiting() -> Exchange:
    return ask(chat(model="nobody knows"), api=INCOMPLETE)[0]


def waiting_list() -> Exchange:
    return ask(b"", "GET", b"/v1/models", api=INCOMPLETE)[0]


def calling() -> Exchange:
    return ask(chat())[0]


def calling_stream() -> Exchange:
    return ask(chat(stream=True))[0]


def streaming() -> Exchange:
    exchange = calling_stream()
    assert exchange.send("a")
    return exchange


def streaming_quiet() -> Exchange:
    exchange = calling_stream()
    assert exchange.send(QUIET)
    return exchange


def streaming_file() -> Exchange:
    exchange = ask(b"", "GET", b"/media/x.png")[0]
    exchange.send(File(size=2, type="image/png", etag="x", modified=0))
    assert exchange.send(b"a")
    return exchange


def done_reply() -> Exchange:
    exchange = calling()
    exchange.end()
    return exchange


def done_stream() -> Exchange:
    exchange = streaming()
    exchange.end()
    return exchange


def done_failed() -> Exchange:
    exchange = streaming()
    exchange.fail(InternalError("no"))
    return exchange


def done_refused() -> Exchange:
    return ask(b"{")[0]


def done_at_once() -> Exchange:
    return ask(b"", "GET", b"/v1/models")[0]


def closed(make: Callable[[], Exchange]) -> Callable[[], Exchange]:
    def made() -> Exchange:
        exchange = make()
        exchange.disconnect()
        return exchange

    made.__name__ = f"closed_{make.__name__}"
    return made


MAKERS: dict[State, list[Callable[[], Exchange]]] = {
    State.RECEIVING: [receiving, receiving_bad],
    State.WAITING: [waiting, waiting_list],
    State.CALLING: [calling, calling_stream],
    State.STREAMING: [streaming, streaming_quiet, streaming_file],
    State.DONE: [done_reply, done_stream, done_failed, done_refused, done_at_once],
    State.CLOSED: [closed(make) for make in (receiving, receiving_bad, waiting, calling, calling_stream, streaming)],
}
# What an input is given; `receive_data` gives a body that completes the request where there is one.
APPLY: dict[str, Callable[[Exchange], object]] = {
    "receive_data": lambda exchange: exchange.receive_data(chat(stream=True)),
    "receive_end": lambda exchange: exchange.receive_end(),
    "learn": lambda exchange: exchange.learn(KNOWN),
    "another": lambda exchange: exchange.another(ProviderNotWorking("no")),
    "disconnect": lambda exchange: exchange.disconnect(),
    "send": lambda exchange: exchange.send("text"),
    "end": lambda exchange: exchange.end(),
    "fail": lambda exchange: exchange.fail(InternalError("no")),
}
PAIRS = [(state, make, name) for state, makers in MAKERS.items() for make in makers for name in INPUTS]


def allowed(state: State, name: str) -> set[State]:
    targets = {to for at, by, to, _ in TRANSITIONS if at is state and by == name}
    if name == "send" or not targets:
        targets.add(state)  # what no row speaks of changes nothing; a send may say nothing yet
    return targets


@pytest.mark.parametrize(("state", "make", "name"), PAIRS, ids=[f"{make.__name__}-{name}" for _, make, name in PAIRS])
def test_every_pair(state: State, make: Callable[[], Exchange], name: str) -> None:
    exchange = make()
    assert exchange.state is state
    head = exchange.head
    if name not in ACCEPTS[state]:
        with pytest.raises(LocalProtocolError, match=rf"^{name}\(\) .*{state.name}"):
            APPLY[name](exchange)
        assert exchange.state is state
        assert exchange.head is head
        return
    out = APPLY[name](exchange)
    assert exchange.state in allowed(state, name)
    if state is State.CLOSED:
        assert out in (b"", None, False)
    if state is State.DONE:
        assert out in (b"", None)
        assert exchange.head is head
    if isinstance(out, bytes) and out:
        assert exchange.head is not None


def test_the_table_is_whole() -> None:
    assert set(ACCEPTS) == set(State) == set(MAKERS)
    assert set(INPUTS) == set(APPLY)
    for state, names in ACCEPTS.items():
        assert names <= set(INPUTS), state
    for at, name, _, why in TRANSITIONS:
        assert name in ACCEPTS[at]
        assert why
    assert all(" " in state.value for state in State)


def test_every_transition_happens() -> None:
    seen: set[tuple[State, str, State]] = set()
    for state, make, name in PAIRS:
        if name in ACCEPTS[state]:
            exchange = make()
            if state is State.RECEIVING and name == "receive_end":  # with and without a body worth a call
                again = make()
                again.receive_data(chat())
                again.receive_end()
                seen.add((state, name, again.state))
                seen.add((state, name, waiting().state))
            APPLY[name](exchange)
            if exchange.state is not state:
                seen.add((state, name, exchange.state))
    assert seen == {(at, name, to) for at, name, to, _ in TRANSITIONS}
