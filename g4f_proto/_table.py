# The states of an exchange and which input each one takes, as data.
#
# Three readers: the machine's cold path, which turns a driver's mistake into LocalProtocolError; the docs, whose
# picture is made from it; and the test that walks every pair. The hot path of a stream never looks here.
from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

__all__ = ("ACCEPTS", "INPUTS", "TRANSITIONS", "State")


class State(Enum):
    """Where an exchange stands. A driver may look."""

    RECEIVING = "the request is still coming in"
    WAITING = "what the providers serve must be found out before the request can be answered"
    CALLING = "the call runs, nothing was sent, the status is still ours to choose"
    STREAMING = "the head is out with status 200, the answer is being sent"
    DONE = "the reply is complete"
    CLOSED = "the client is gone, or must be left; whatever comes is dropped in silence"

    __hash__ = object.__hash__  # there is one of each; Enum's own is in Python, and takes longer than a lookup


INPUTS: Final = ("receive_data", "receive_end", "learn", "disconnect", "send", "another", "end", "fail")

#: DONE takes `fail` and `disconnect` and answers nothing, CLOSED takes everything: endings race by nature.
ACCEPTS: Final[Mapping[State, frozenset[str]]] = {
    State.RECEIVING: frozenset({"receive_data", "receive_end", "disconnect", "fail"}),
    State.WAITING: frozenset({"learn", "fail", "disconnect"}),
    State.CALLING: frozenset({"send", "another", "end", "fail", "disconnect"}),
    State.STREAMING: frozenset({"send", "another", "end", "fail", "disconnect"}),
    State.DONE: frozenset({"fail", "disconnect"}),
    State.CLOSED: frozenset(INPUTS),
}

#: Every change of state: from, input, to, when.
TRANSITIONS: Final = (
    (State.RECEIVING, "receive_end", State.DONE, "refused, or answered at once"),
    (State.RECEIVING, "receive_end", State.CALLING, "valid: `call` is set"),
    (State.RECEIVING, "receive_end", State.WAITING, "the catalog is not complete and lacks what is asked for"),
    (State.RECEIVING, "fail", State.DONE, "status and JSON"),
    (State.WAITING, "learn", State.DONE, "refused, or answered at once"),
    (State.WAITING, "learn", State.CALLING, "valid: `call` is set"),
    (State.WAITING, "fail", State.DONE, "status and JSON"),
    (State.WAITING, "disconnect", State.CLOSED, "the peer is gone"),
    (State.CALLING, "send", State.STREAMING, "the first bytes out: the commit"),
    (State.CALLING, "end", State.DONE, "one JSON document"),
    (State.CALLING, "fail", State.DONE, "status and JSON"),
    (State.STREAMING, "end", State.DONE, "finish, usage, terminator"),
    (State.STREAMING, "fail", State.DONE, "one error frame, terminator"),
    (State.STREAMING, "fail", State.CLOSED, "sound and files have no place for an error: the reply is broken off"),
    (State.RECEIVING, "disconnect", State.CLOSED, "the peer is gone"),
    (State.CALLING, "disconnect", State.CLOSED, "the peer is gone"),
    (State.STREAMING, "disconnect", State.CLOSED, "the peer is gone, or a write failed"),
)
