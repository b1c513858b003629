# The way of one request through its states, example by example; the invariants have a file of their own.
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from g4f_proto import (
    QUIET,
    ApiError,
    Exchange,
    Finish,
    InternalError,
    LocalProtocolError,
    Outcome,
    ProviderEvent,
    ProviderNotWorking,
    RateLimited,
    Reasoning,
    RequestHead,
    State,
    Usage,
)

from .made import API, ID, answer, ask, at, blocks, chat, chunks, error, get, header, said, start, status

STREAM = chat(stream=True)


def test_a_reply_in_one_piece() -> None:
    exchange, out = ask(chat())
    assert (out, exchange.head, at(exchange)) == (b"", None, State.CALLING)
    assert exchange.call is not None
    assert (exchange.call.provider, exchange.call.model) == ("Echo", "echo")
    assert exchange.call.body == json.loads(chat())
    assert exchange.quiet_limit is None
    assert exchange.send("hel") == exchange.send("lo") == exchange.send(QUIET) == b""
    assert exchange.outcome == Outcome()
    document = exchange.end()
    assert status(exchange) == 200
    assert header(exchange, b"content-type") == b"application/json"
    assert header(exchange, b"content-length") == b"%d" % len(document)
    assert header(exchange, b"x-request-id") == b"req_" + ID.encode()
    assert header(exchange, b"x-g4f-model") == b"echo"
    assert json.loads(document)["choices"][0]["message"]["content"] == "hello"
    assert at(exchange) is State.DONE
    assert exchange.outcome.delivered
    assert exchange.outcome.error is None


def test_a_stream() -> None:
    exchange, out = ask(STREAM)
    assert (out, exchange.head) == (b"", None)
    assert exchange.quiet_limit == API.quiet_limit
    first = exchange.send("hel")
    assert at(exchange) is State.STREAMING
    assert status(exchange) == 200
    assert header(exchange, b"content-type") == b"text/event-stream; charset=utf-8"
    assert header(exchange, b"cache-control") == b"no-cache, no-transform"
    assert header(exchange, b"x-accel-buffering") == b"no"
    assert header(exchange, b"content-length") is None
    assert header(exchange, b"x-g4f-model") == b"echo"
    assert len(blocks(first)) == 2  # the role, then the text, in one write
    second = exchange.send("lo")
    assert len(blocks(second)) == 1
    assert said(first + second + exchange.end()) == "hello"
    assert at(exchange) is State.DONE


def test_a_stream_without_a_word_is_whole() -> None:
    exchange, _ = ask(STREAM)
    out = exchange.end()
    assert header(exchange, b"content-length") == b"%d" % len(out)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks(out)] == [None, "stop"]


def test_a_failure_before_the_first_byte_has_its_own_status() -> None:
    for body in (chat(), STREAM):
        exchange, _ = ask(body)
        out = exchange.fail(RateLimited("slow down", retry_after=2.5))
        assert status(exchange) == 429
        assert error(out) == {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        }
        assert header(exchange, b"content-type") == b"application/json"
        assert header(exchange, b"retry-after") == b"2"
        assert header(exchange, b"retry-after-ms") == b"2500"
        assert header(exchange, b"x-should-retry") is None
        assert isinstance(exchange.outcome.error, RateLimited)
        assert exchange.fail(InternalError("again")) == b""
        assert isinstance(exchange.outcome.error, RateLimited)


def test_a_reply_that_fails_late_keeps_its_status() -> None:
    exchange, _ = ask(chat())
    assert exchange.send("half an answer") == b""
    out = exchange.fail(ProviderNotWorking("gone"))
    assert status(exchange) == 502
    assert error(out)["code"] == "provider_not_working"


def test_a_failure_in_a_stream_is_one_frame_and_the_terminator() -> None:
    exchange, _ = ask(STREAM)
    exchange.send("half")
    exchange.send(Usage(prompt_tokens=1, completion_tokens=1))
    frame, done = blocks(exchange.fail(ProviderNotWorking("gone", code="cut")))
    assert error(frame.encode()) == {"message": "gone", "type": "provider_error", "param": None, "code": "cut"}
    assert done == "[DONE]"
    assert status(exchange) == 200
    assert exchange.outcome.usage == Usage(prompt_tokens=1, completion_tokens=1)
    assert isinstance(exchange.outcome.error, ProviderNotWorking)


def test_silence_commits_and_delivers_nothing() -> None:
    exchange, _ = ask(STREAM)
    assert blocks(exchange.send(QUIET))[-1] == ": ping"
    assert at(exchange) is State.STREAMING
    assert not exchange.outcome.delivered
    assert blocks(exchange.send(QUIET)) == [": ping"]
    assert not exchange.outcome.delivered


@pytest.mark.parametrize("event", ["text", Reasoning(text="thought")])
@pytest.mark.parametrize("silent", [False, True])
def test_content_is_delivered_also_after_a_silence(event: ProviderEvent, silent: bool) -> None:
    exchange, _ = ask(STREAM)
    if silent:
        exchange.send(QUIET)
    exchange.send(event)
    exchange.fail(InternalError("no"))
    assert exchange.outcome.delivered


@pytest.mark.parametrize("event", [Usage(prompt_tokens=1, completion_tokens=2), Finish(reason="length")])
def test_what_is_only_noted_commits_nothing(event: ProviderEvent) -> None:
    exchange, _ = ask(STREAM)
    assert exchange.send(event) == b""
    assert at(exchange) is State.CALLING
    assert exchange.head is None


def test_usage_is_told_to_the_log() -> None:
    for body in (chat(), STREAM):
        exchange, _ = ask(body)
        answer(exchange, "a", Usage(prompt_tokens=3, completion_tokens=4))
        assert exchange.outcome.usage == Usage(prompt_tokens=3, completion_tokens=4)


def test_text_of_a_subclass_of_str_is_text() -> None:
    class Word(str):
        __slots__ = ()

    exchange, _ = ask(STREAM)
    assert said(answer(exchange, Word("a"), Word("b"), "c", Word("d"))) == "abcd"
    exchange, _ = ask(chat())
    assert json.loads(answer(exchange, Word("a"), "b"))["choices"][0]["message"]["content"] == "ab"


def test_health() -> None:
    exchange, out = get(b"/health")
    assert (status(exchange), json.loads(out), exchange.call) == (200, {"status": "ok"}, None)
    assert header(exchange, b"x-g4f-model") is None


@pytest.mark.parametrize("target", [b"/health", b"/v1/models", b"/v1/models/echo", b"/nowhere", b"/v1/models/none"])
def test_head_is_get_without_the_body(target: bytes) -> None:
    one, body = get(target)
    other, nothing = ask(b"", "HEAD", target)
    assert nothing == b""
    assert body
    assert one.head is not None
    assert other.head is not None
    assert one.head.status == other.head.status
    if status(one) == 200:
        assert one.head == other.head


def test_a_driver_that_gives_up_while_the_request_comes_in() -> None:
    exchange = start()
    exchange.receive_data(b'{"mod')
    out = exchange.fail(ApiError("too slow", status=408))
    assert status(exchange) == 408
    assert error(out)["message"] == "too slow"
    with pytest.raises(LocalProtocolError):
        exchange.receive_end()


def test_a_closed_exchange_is_a_silent_sink() -> None:
    exchange, _ = ask(STREAM)
    exchange.send("a")
    exchange.disconnect()
    head = exchange.head
    assert exchange.send("b") == exchange.send(QUIET) == exchange.end() == exchange.fail(InternalError("no")) == b""
    assert exchange.receive_data(b"x") is False
    assert exchange.receive_end() == b""
    exchange.disconnect()
    assert at(exchange) is State.CLOSED
    assert exchange.head is head


def test_whether_to_try_again_is_told_where_it_is_known() -> None:
    for told, expected in ((True, b"true"), (False, b"false")):
        failure = RateLimited("no money")
        failure.should_retry = told
        exchange, _ = ask(chat())
        exchange.fail(failure)
        assert header(exchange, b"x-should-retry") == expected


@pytest.mark.parametrize("seconds", [0.0004, -5.0, float("nan"), float("inf"), 1e300])
def test_no_retry_after_is_nonsense(seconds: float) -> None:
    exchange, _ = ask(chat())
    exchange.fail(RateLimited("later", retry_after=seconds))
    after, ms = header(exchange, b"retry-after"), header(exchange, b"retry-after-ms")
    assert after is not None
    assert ms is not None
    assert 1 <= int(after) <= 86400
    assert 0 <= int(ms) <= 86_400_000


def test_the_page_to_chat_with() -> None:
    exchange, out = get(b"/")
    assert (status(exchange), error(out)["code"]) == (404, "unknown_url")
    exchange, out = get(b"/", api=replace(API, gui=b"<p>", keys=("k",)))
    assert (status(exchange), out) == (200, b"<p>")
    assert header(exchange, b"content-type") == b"text/html; charset=utf-8"
    assert header(exchange, b"content-length") == b"3"
    assert (header(exchange, b"content-security-policy") or b"").startswith(b"default-src 'none'; script-src")


def test_the_line_of_the_access_log() -> None:
    exchange = start()
    assert str(exchange) == "POST /v1/chat/completions no reply"
    exchange, _ = ask(chat(messages=[{"role": "user", "content": "secret"}]))
    exchange.send("answer")
    exchange.send(Usage(prompt_tokens=3, completion_tokens=4))
    exchange.end()
    assert str(exchange) == "POST /v1/chat/completions 200 Echo:echo 3+4 tokens"
    exchange, _ = ask(chat(model="none"))
    assert str(exchange) == "POST /v1/chat/completions 404 model_not_found"
    exchange, _ = ask(STREAM)
    exchange.disconnect()
    assert str(exchange) == "POST /v1/chat/completions no reply Echo:echo the client left"
    assert str(get(b"/media/x.png")[0]) == "GET /media/x.png no reply"


def test_the_time_it_took_is_told_when_the_driver_has_a_clock() -> None:
    head = RequestHead("GET", b"/health", {})
    exchange = Exchange(head, API, id=ID, created=1, elapsed=lambda: 0.0129)
    exchange.receive_end()
    assert header(exchange, b"openai-processing-ms") == b"12"
    assert header(get(b"/health")[0], b"openai-processing-ms") is None
