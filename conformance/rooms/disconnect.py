"""The client leaves, and what it asked for must stop within a second: streaming or not, before the first word or after.

Seen from outside through `scripted:report=running`, the number of other scripted calls at work.
"""

import time
from collections.abc import Callable

from conformance.case import Failed, case
from conformance.target import CHAT, SCRIPTED, Target
from conformance.wire import Connection

RULE = "oobabooga/textgen#4521, vllm-project/vllm PR 32439, halogen#58: generation goes on for nobody, and is paid for"
LONG = f"{SCRIPTED}:tokens=100000,delay=10ms"
SILENT = f"{SCRIPTED}:silence=60s"
WAITING = f"{SCRIPTED}:tokens=100000,delay=10ms"


def until(target: Target, reached: Callable[[int], bool], seconds: float) -> int:
    """The last `report=running` when `reached` holds, or when the time is over."""
    end = time.monotonic() + seconds
    while not reached(running := target.report("running")) and time.monotonic() < end:
        time.sleep(0.01)
    return running


def leaves(target: Target, model: str, *, stream: bool, leave: Callable[[Connection], None], words: int = 0) -> None:
    """Start a call, see it at work, leave, and see it gone within a second."""
    before = until(target, lambda count: count == 0, 1.0)  # calls that others have just left may still be ending
    with target.connect() as connection:
        connection.send(target.request("POST", CHAT, target.body(model=model, stream=stream, max_tokens=None)))
        if until(target, lambda count: count > before, 2.0) <= before:
            raise Failed("the call never showed up in report=running")
        if words:
            connection.head("POST")
            for _ in range(words):
                next(connection.pieces())
        leave(connection)
        if (left := until(target, lambda count: count <= before, 1.0)) > before:
            raise Failed(f"{left - before} call still at work a second after its client left")


@case("disconnect.stream", rule=RULE, needs=("scripted",), complaint=16)
def stream(target: Target) -> None:
    """The stop button of every chat window."""
    leaves(target, LONG, stream=True, leave=Connection.close, words=3)


@case("disconnect.stream-reset", rule=RULE, needs=("scripted",), complaint=16)
def stream_reset(target: Target) -> None:
    """A killed client sends RST, which surfaces as another exception than the end of the stream."""
    leaves(target, LONG, stream=True, leave=Connection.reset, words=3)


@case("disconnect.json", rule=RULE, needs=("scripted",), complaint=16)
def whole(target: Target) -> None:
    """Nothing is written to a client that waits for one JSON, so nobody notices that it left: g4f runs to the end."""
    leaves(target, WAITING, stream=False, leave=Connection.close)


@case("disconnect.json-reset", rule=RULE, needs=("scripted",), complaint=16)
def whole_reset(target: Target) -> None:
    """The same with RST."""
    leaves(target, WAITING, stream=False, leave=Connection.reset)


@case("disconnect.silence", rule=RULE, needs=("scripted",), complaint=16)
def silence(target: Target) -> None:
    """Before the first token there is no write that could fail; prefill is the dearest part."""
    leaves(target, SILENT, stream=True, leave=Connection.close)


@case("disconnect.silence-json", rule=RULE, needs=("scripted",), complaint=16)
def silence_json(target: Target) -> None:
    """Waiting for one JSON from a silent model."""
    leaves(target, SILENT, stream=False, leave=Connection.close)


@case("disconnect.silence-reset", rule=RULE, needs=("scripted",), complaint=16)
def silence_reset(target: Target) -> None:
    """Silent, streaming, and killed."""
    leaves(target, SILENT, stream=True, leave=Connection.reset)


@case("disconnect.many", rule=RULE, needs=("scripted",), complaint=16)
def many(target: Target) -> None:
    """Twenty at once: one watcher that dies, or one slot that leaks, shows here."""
    before = until(target, lambda count: count == 0, 1.0)  # calls that others have just left may still be ending
    connections = [target.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        body = target.body(model=LONG, stream=number % 2 == 0, max_tokens=None)
        connection.send(target.request("POST", CHAT, body))
    at_work = until(target, lambda count: count >= before + 20, 2.0) - before
    for connection in connections:
        connection.close()
    left = until(target, lambda count: count <= before, 1.0) - before
    if at_work < 20:
        raise Failed(f"{at_work} of 20 calls were at work")
    if left > 0:
        raise Failed(f"{left} of 20 calls still at work a second after their clients left")


@case("disconnect.upload", rule="a client may leave at any byte")
def upload(target: Target) -> None:
    """Gone in the middle of its request: no answer is due, and the next client is served."""
    whole = target.request("POST", CHAT, target.body())
    for cut in (10, len(whole) // 2, len(whole) - 1):
        for leave in (Connection.close, Connection.reset):
            with target.connect() as connection:
                connection.send(whole[:cut])
                leave(connection)
    target.alive()
