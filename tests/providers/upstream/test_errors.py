# What upstreams refuse, as callers are told it; and that neither keys nor hosts nor bodies are ever told.
from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from g4f_proto import ApiError
from providers.upstream import OpenAICompatible, Upstream
from providers.upstream.errors import refused, reported
from tests.providers.upstream.peer import KEY, chat, collect, reply, serving

SECRETS = (KEY, "llm.internal:8443", "llm.internal")
ACCESS = "The provider does not accept this server's access."
FAILED = "The provider answered with an error."
SAYS = {"message": "no", "type": "t", "param": "top_p", "code": "c"}


def told(status: int, error: Any = SAYS, **headers: str) -> ApiError:
    fields = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return refused(status, fields, json.dumps({"error": error}).encode(), secrets=SECRETS)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, SAYS, (400, "invalid_request_error", "c", "top_p", "no")),
        (422, SAYS, (400, "invalid_request_error", "c", "top_p", "no")),
        (400, None, (400, "invalid_request_error", None, None, "The provider refused the request.")),
        (413, SAYS, (413, "invalid_request_error", "request_too_large", "top_p", "no")),
        (401, SAYS, (502, "provider_error", "provider_error", None, ACCESS)),
        (402, SAYS, (502, "provider_error", "provider_error", None, ACCESS)),
        (403, SAYS, (502, "provider_error", "provider_error", None, ACCESS)),
        (404, SAYS, (404, "model_not_found", "model_not_found", "model", "no")),
        (408, SAYS, (504, "provider_error", "provider_timeout", None, "The provider did not answer in time.")),
        (504, SAYS, (504, "provider_error", "provider_timeout", None, "The provider did not answer in time.")),
        (524, SAYS, (504, "provider_error", "provider_timeout", None, "The provider did not answer in time.")),
        (429, SAYS, (429, "rate_limit_error", "rate_limit_exceeded", None, "no")),
        *[
            (status, SAYS, (502, "provider_error", "provider_not_working", None, FAILED))
            for status in (301, 307, 405, 409, 418, 500, 502, 503, 529)
        ],
    ],
)  # fmt: skip
def test_the_table(status: int, error: Any, expected: tuple[Any, ...]) -> None:
    found = told(status, error)
    assert (found.status, found.type, found.code, found.param, found.message) == expected


def test_a_path_that_is_not_there_is_no_model() -> None:
    for body in (
        b"404 page not found",
        b"<html>",
        b"",
        b'{"a":1}',
        b"[]",
        b'{"detail":"Not Found"}',
        b'{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}',
        b'{"error":{"message":"Unknown request URL: POST /chat","code":"unknown_url"}}',
    ):
        assert refused(404, {}, body, secrets=()).status == 502


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": "model \'x\' not found"}', "model 'x' not found"),  # Ollama's
        ('{"object": "error", "message": "too long", "type": "x", "code": 400}', "too long"),  # vLLM's
        ('{"detail": "wrong"}', "wrong"),  # FastAPI's
        ('{"detail": [{"loc": ["body", "n"], "msg": "extra"}]}', '[{"loc": ["body", "n"], "msg": "extra"}]'),
        ('[{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}]', "bad"),  # Google's
        ("plain words", "The provider refused the request."),
        ("[" * 100_000, "The provider refused the request."),
    ],
)
def test_errors_of_other_shapes(body: str, message: str) -> None:
    assert refused(400, {}, body.encode(), secrets=()).message == message


@pytest.mark.parametrize(
    ("headers", "code", "retry_after", "should_retry"),
    [
        ({"retry_after": "7"}, None, 7, None),
        ({"retry_after": "7", "retry_after_ms": "1500"}, None, 1.5, None),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, 0, None),
        ({"retry_after": "soon"}, None, None, None),
        ({"retry_after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None, None, None),
        ({"retry_after": "nan"}, None, None, None),
        ({"retry_after": "-1", "x_should_retry": "false"}, None, None, False),
        ({"x_should_retry": "true"}, None, None, True),
        ({}, "insufficient_quota", None, False),
    ],
)
def test_when_to_try_again(headers: dict[str, str], code: str | None, retry_after: Any, should_retry: Any) -> None:
    error = told(429, {"message": "m", "code": code}, **headers)
    assert (error.retry_after, error.should_retry) == (retry_after, should_retry)
    assert error.code == (code or "rate_limit_exceeded")
    assert told(503, SAYS, **headers).retry_after == retry_after


@pytest.mark.parametrize(("status", "seconds"), [(429, 7), (503, 7), (529, 7), (502, None), (500, None)])
def test_who_is_down_says_so_with_503(status: int, seconds: float | None) -> None:
    assert refused(status, {b"retry-after": b"7"}, b"", secrets=()).retry_after == seconds


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 429, "message": "m"}, 429),
        ({"code": "context_length_exceeded", "message": "m"}, 400),
        ({"type": "invalid_request_error", "code": None, "message": "m"}, 400),
        ({"status": "INVALID_ARGUMENT", "code": 400}, 400),
        ({"type": "authentication_error", "message": "m"}, 502),
        ({"code": "model_not_found"}, 404),
        ({"code": 200}, 502),
        ({"code": "new_kind"}, 502),
        ("words", 502),
        (["x"], 502),
        (True, 502),
    ],
)
def test_error_objects_where_the_status_says_nothing(error: Any, status: int) -> None:
    assert reported(error, secrets=()).status == status


@pytest.mark.parametrize("field", ["message", "param", "code"])
@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 429, 500])
def test_what_is_the_operators_is_told_nobody(status: int, field: str) -> None:
    for secret in (*SECRETS, "sk-proj-abcdefghijklmnop", "Bearer gsk_ABCDEFGHIJKLMNOP123"):
        error = told(status, {"message": "m", field: f"at {secret} failed"})
        assert secret.removeprefix("Bearer ") not in error.body().decode()


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([*SECRETS, f"x{KEY}y", "", "context_length_exceeded"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "param", "type", "detail", "status", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(DOCUMENTS, st.integers(300, 599), st.sampled_from([b"", b"7", b"nan", b"-1", b"\xff"]))
def test_whatever_it_says_the_caller_is_told_something(document: Any, status: int, wait: bytes) -> None:
    headers = {b"retry-after": wait, b"retry-after-ms": wait, b"x-should-retry": wait}
    body = json.dumps(document).encode()
    for error in (refused(status, headers, body, secrets=SECRETS), reported(document, secrets=SECRETS)):
        assert error.status in (400, 404, 413, 429, 502, 504)
        assert not any(secret in error.body().decode() for secret in SECRETS)
        assert error.message


@given(st.binary(max_size=100), st.integers(300, 599))
def test_a_body_that_is_no_document(body: bytes, status: int) -> None:
    assert refused(status, {}, body, secrets=()).status in (400, 404, 413, 429, 502, 504)


def test_a_message_is_bounded() -> None:
    assert len(told(400, {"message": "x" * 100_000, "code": "y" * 1000}).body()) < 1300


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_key_stands_nowhere(
    status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    body = json.dumps(
        {"error": {"message": f"POST /tenant-4711/v1/x: wrong key {KEY}", "code": KEY, "param": KEY}}
    ).encode()
    async with serving([reply(body, status=status)]) as peer:
        url, headers = f"http://127.0.0.1:{peer.port}/tenant-4711/v1", {"x-more": SecretStr("another-secret-value")}
        upstream = peer.upstream(base_url=url, key=SecretStr(KEY), headers=headers)
        provider = OpenAICompatible(upstream)
        with pytest.raises(ApiError) as caught:
            await collect(provider, chat())
        assert peer.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert peer.requests[0].headers["x-more"] == "another-secret-value"
        await provider.aclose()
    shown = [repr(one) + str(one) for one in (upstream, provider, provider.info, caught.value)]
    shown += traceback.format_exception(caught.value)
    shown += [caught.value.body().decode(), caplog.text, *capfd.readouterr()]
    assert caplog.records  # it was told that it failed
    for text in shown:
        assert KEY not in text
        assert "another-secret-value" not in text
        assert "tenant-4711" not in text
    assert str(peer.port) not in repr(upstream) + repr(provider.info)


def test_reprs() -> None:
    upstream = Upstream(
        name="x", label="x", base_url=f"http://h/{KEY}", key=SecretStr(KEY), proxy=SecretStr(f"http://u:{KEY}@p")
    )
    assert KEY not in repr(upstream) + repr(OpenAICompatible(upstream))
