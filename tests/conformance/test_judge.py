"""The judge can fail: every case sees a broken server, and each known mistake is seen by its cases.

Three ways. Where every answer is a 500, or no answer at all, nothing passes. Where everything is welcome (200 and an
empty object), only what may be welcome passes. And one mutation at a time of a right server (`flaws`) is caught.
"""

from dataclasses import replace

import pytest

from conformance import rooms
from conformance.case import CASES, Case, Outcome, case, judge
from conformance.target import Target

from .flaws import FLAWS
from .proxy import Flaw, Proxy, Rude

ALL = rooms.load()

INTERNAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry"
WELCOME = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

REFUSED = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 89\r\n\r\n"
    b'{"error":{"message":"unsupported","type":"invalid_request_error","param":"x","code":"y"}}'
)

#: Cases that a server passes although it answers 200 and {} to everything, and why that is right.
HARMLESS: dict[str, str] = {
    "auth.health": "a health page may say anything with 200",
    "auth.preflight": "200 without Access-Control headers refuses other origins",
    "errors.never-200": "an answer without an error is not an error with 200; other cases want the refusal",
}

#: Cases that take seconds and pass through the flawless proxy only what they pass in test_suite anyway.
SLOW = {"delivery.keepalive"}


def at(target: Target, *, host: str | None = None, port: int) -> Target:
    """What was found out about one server, asked of another address."""
    other = object.__new__(Target)
    other.__dict__.update(target.__dict__)
    other.url = replace(target.url, host=host or target.url.host, port=port)
    other.timeout = 1.5
    return other


#: The complaints; `rooms` tells what they are.
COMPLAINTS = set(range(1, 26))


def test_every_complaint_has_its_cases() -> None:
    assert {number for one in ALL for number in one.complaint} >= COMPLAINTS


#: Rooms whose every case is seen failing by a mistake of its own, not only where everything is broken.
PROVEN = {
    "choices",
    "completions",
    "conversation",
    "cookies",
    "embeddings",
    "images",
    "logprobs",
    "openapi",
    "media",
    "messages",
    "providers",
    "reasoning",
    "responses",
    "speech",
    "structured",
    "toolchoice",
    "tools",
    "transcription",
    "vision",
}


def test_every_case_of_an_answer_has_its_flaw() -> None:
    cases = {one.id for one in ALL if one.room in PROVEN}
    assert {one.partition(".")[0] for one in cases} == PROVEN
    assert cases - {one for flaw in FLAWS.values() for one in flaw.cases} == set()


def by_id(one: Case) -> str:
    return one.id


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_nothing_passes_where_all_is_500(one: Case, right: Target) -> None:
    with Rude(INTERNAL) as port:
        assert judge(one, at(right, port=port)).outcome is Outcome.FAIL


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_nothing_passes_where_connections_just_end(one: Case, right: Target) -> None:
    with Rude(b"") as port:
        assert judge(one, at(right, port=port)).outcome is Outcome.FAIL


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_not_everything_may_be_welcome(one: Case, right: Target) -> None:
    with Rude(WELCOME) as port:
        verdict = judge(one, at(right, port=port))
    assert (verdict.outcome is Outcome.FAIL) == (one.id not in HARMLESS), verdict


#: Cases of PROVEN rooms that begin with a plain chat, so that a server which refuses everything fails them.
PLAIN = {"logprobs.absent", *(f"reasoning.{name}" for name in ("whole", "stream", "history"))}


def foreign(target: Target, *, port: int | None = None) -> Target:
    """The same server, taken for one whose answers are not known beforehand."""
    other = at(target, port=port or target.url.port)
    other.has -= {"scripted"}
    other.timeout = target.timeout
    return other


@pytest.mark.parametrize("one", [one for one in ALL if one.room in PROVEN], ids=by_id)
def test_a_foreign_server_may_refuse_what_it_lacks(one: Case, right: Target) -> None:
    with Rude(REFUSED) as port:
        verdict = judge(one, foreign(right, port=port))
    assert verdict.outcome is (Outcome.FAIL if one.id in PLAIN else Outcome.NOT_APPLICABLE), verdict
    assert verdict.detail


@pytest.mark.parametrize("one", [one for one in ALL if one.room == "cookies"], ids=by_id)
def test_what_a_foreign_server_rightly_refuses_is_judged(one: Case, right: Target) -> None:
    assert judge(one, foreign(right)).outcome is Outcome.PASS


@pytest.mark.parametrize("one", [one for one in ALL if one.room in PROVEN and not one.needs], ids=by_id)
def test_a_foreign_server_may_not_refuse_without_a_word(one: Case, right: Target) -> None:
    with Rude(REFUSED.replace(b'"error"', b'"fault"')) as port:
        assert judge(one, foreign(right, port=port)).outcome is Outcome.FAIL


@pytest.mark.parametrize("one", [one for one in ALL if one.room in PROVEN], ids=by_id)
def test_a_right_foreign_server_fails_nothing(one: Case, right: Target) -> None:
    verdict = judge(one, foreign(right))
    assert verdict.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), verdict.detail


@pytest.mark.parametrize(("name", "case_id"), [(name, one) for name, flaw in FLAWS.items() for one in flaw.cases])
def test_a_flaw_is_seen(name: str, case_id: str, right: Target) -> None:
    with Proxy(right.url, FLAWS[name]) as url:
        verdict = judge(CASES[case_id], at(right, port=url.port))
    assert verdict.outcome is Outcome.FAIL, verdict.detail


@pytest.mark.parametrize("case_id", sorted({one for flaw in FLAWS.values() for one in flaw.cases} - SLOW))
def test_the_proxy_itself_is_no_flaw(case_id: str, right: Target) -> None:
    with Proxy(right.url, Flaw(())) as url:
        verdict = judge(CASES[case_id], at(right, port=url.port))
    assert verdict.outcome is Outcome.PASS, verdict.detail


def test_a_case_that_breaks_is_not_the_server_s_fault(right: Target) -> None:
    def broken(target: Target) -> None:
        raise KeyError("x")

    verdict = judge(replace(ALL[0], run=broken), right)
    assert verdict.outcome is Outcome.BROKEN
    assert "KeyError" in verdict.detail


def test_a_case_needs_a_reason_and_a_known_need() -> None:
    def silent(target: Target) -> None: ...

    def spoken(target: Target) -> None:
        """Why."""

    with pytest.raises(ValueError, match="docstring"):
        case("room.silent", rule="r")(silent)
    with pytest.raises(ValueError, match="known needs"):
        case("room.needs", rule="r", needs=("luck",))(spoken)
    with pytest.raises(ValueError, match="unique"):
        case(ALL[0].id, rule="r")(spoken)
