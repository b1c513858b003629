# A rate a key: the bucket by a clock of the test's, and the headers a client sees.
from __future__ import annotations

import json

import pytest

from backends.limiter import Limiter
from backends.service import Service
from providers import Scripted

pytestmark = pytest.mark.anyio


def test_a_bucket_empties_and_fills() -> None:
    now = [0.0]
    limiter = Limiter(60, clock=lambda: now[0])
    for left in range(59, -1, -1):
        fields, refusal = limiter.take("a")
        assert refusal is None
        assert dict(fields)[b"x-ratelimit-remaining-requests"] == b"%d" % left
    fields, refusal = limiter.take("a")
    assert dict(fields) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"60000ms",
    }
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "rate_limit_exceeded", 1.0)
    assert limiter.take("b")[1] is None, "another caller has another bucket"
    now[0] += 1.0
    assert limiter.take("a")[1] is None
    assert limiter.take("a")[1] is not None
    now[0] += 3600
    assert dict(limiter.take("a")[0])[b"x-ratelimit-remaining-requests"] == b"59", "no more than its size"


def test_buckets_that_are_full_again_are_forgotten() -> None:
    now = [0.0]
    limiter = Limiter(60, clock=lambda: now[0])
    for number in range(10_002):
        limiter.take(str(number))
    now[0] += 2
    limiter.take("x")
    assert len(limiter._buckets) == 1


async def test_a_preflight_is_not_counted() -> None:
    async with Service([Scripted()], rate=2) as service:
        for method, left in (("GET", b"1"), ("OPTIONS", None), ("GET", b"0")):
            exchange = service.exchange(method, b"/v1/models", {})
            exchange.receive_end()
            assert exchange.head is not None
            assert dict(exchange.head.headers).get(b"x-ratelimit-remaining-requests") == left


async def test_the_wire() -> None:
    async with Service([Scripted()], keys=["k", "l"], rate=2) as service:
        body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": "x"}]}).encode()

        def ask(key: bytes) -> tuple[int | None, dict[bytes, bytes], bytes]:
            exchange = service.exchange("POST", b"/v1/chat/completions", {b"authorization": b"Bearer " + key})
            if exchange.receive_data(body):
                pass
            out = exchange.receive_end()
            return exchange.head and exchange.head.status, dict(exchange.head.headers if exchange.head else ()), out

        assert ask(b"k")[0] is ask(b"k")[0] is None
        status, headers, out = ask(b"k")
        assert status == 429
        assert json.loads(out)["error"]["code"] == "rate_limit_exceeded"
        assert json.loads(out)["error"]["type"] == "requests"
        assert headers[b"retry-after"] == b"30"
        assert headers[b"x-ratelimit-limit-requests"] == b"2"
        assert headers[b"x-ratelimit-remaining-requests"] == b"0"
        assert b"openai-processing-ms" in headers
        assert ask(b"l")[0] is None
        assert ask(b"wrong")[0] == 401
        assert b"x-ratelimit-limit-requests" not in ask(b"wrong")[1]


async def test_who_asks_whether_the_server_is_up_is_told() -> None:
    async with Service([Scripted()], rate=1) as service:
        for _ in range(3):
            exchange = service.exchange("GET", b"/health", {})
            exchange.receive_end()
            assert exchange.head is not None
            assert exchange.head.status == 200
