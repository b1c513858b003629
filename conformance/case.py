"""The registry of cases, and the verdict on one of them.

A case is a plain function of a `Target`. Its docstring says why it matters, `rule` says who demands it (a URL, or the
rule in words), its id is `room.name`. It returns when the server is right and raises `Failed` when it is not; what the
server said wrongly below HTTP (`WireError`) is a failure too. Any other exception is a mistake of the suite, and is
told as such: BROKEN never blames the server.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from conformance.message import Impossible, WireError

if TYPE_CHECKING:
    from conformance.target import Target

CASES: dict[str, "Case"] = {}

WITHOUT = {
    "scripted": "the model asked is not `scripted`, the deterministic one of g4f-proto",
    "key": "the server asks for no key, or none was given with --key",
}


class Failed(Exception):
    """The server broke the rule; the text is what was seen."""


class NotApplicable(Exception):
    """The case says nothing about this server; the text is the reason."""


def fail_if(seen: Sequence[str]) -> None:
    """Fail naming every entry: for cases that walk a table of variants."""
    if seen:
        raise Failed("; ".join(seen))


class Outcome(Enum):
    PASS = "PASS"
    FAIL = "FAIL"
    NOT_APPLICABLE = "N/A"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Case:
    """One rule. `complaint`: numbers of the list of recurring complaints in `rooms`; `needs`: keys of `WITHOUT`."""

    id: str
    run: Callable[["Target"], None]
    rule: str
    why: str
    complaint: tuple[int, ...]
    needs: frozenset[str]

    @property
    def room(self) -> str:
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    case: Case
    outcome: Outcome
    detail: str
    seconds: float


def case(
    id: str, *, rule: str, complaint: int | tuple[int, ...] = (), needs: tuple[str, ...] = ()
) -> Callable[[Callable[["Target"], None]], Callable[["Target"], None]]:
    """Register a function as a case; its docstring is the reason why it matters."""

    def register(run: Callable[["Target"], None]) -> Callable[["Target"], None]:
        why = " ".join((run.__doc__ or "").split())
        if not why or not rule or "." not in id or id in CASES or not WITHOUT.keys() >= set(needs):
            raise ValueError(f"case {id!r}: a unique id room.name, a docstring, a rule and known needs are required")
        numbers = (complaint,) if isinstance(complaint, int) else complaint
        CASES[id] = Case(id, run, rule, why, numbers, frozenset(needs))
        return run

    return register


def judge(one: Case, target: "Target") -> Verdict:
    """Run one case; never raises for what a server does."""
    begun = time.monotonic()
    outcome, detail = _judge(one, target)
    return Verdict(one, outcome, detail, time.monotonic() - begun)


def _judge(one: Case, target: "Target") -> tuple[Outcome, str]:
    for need in sorted(one.needs - target.has):
        return Outcome.NOT_APPLICABLE, WITHOUT[need]
    try:
        one.run(target)
    except Failed as failed:
        return Outcome.FAIL, str(failed)
    except (NotApplicable, Impossible) as reason:
        return Outcome.NOT_APPLICABLE, str(reason)
    except WireError as error:
        return Outcome.FAIL, str(error)
    except Exception as error:
        return Outcome.BROKEN, f"the case itself failed: {error!r}"
    return Outcome.PASS, ""
