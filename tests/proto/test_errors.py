# The error table: every class against the status, type and code it promises, and the one body that tells it.
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import g4f_proto
from g4f_proto import ApiError, LocalProtocolError, ModelNotFound

from .made import error

TABLE: dict[str, tuple[int, str, str | None]] = {
    "ApiError": (500, "server_error", None),
    "AuthenticationError": (401, "authentication_error", "invalid_api_key"),
    "BodyTooLarge": (413, "invalid_request_error", "request_too_large"),
    "InternalError": (500, "server_error", "internal_error"),
    "Forbidden": (403, "permission_error", "forbidden"),
    "InvalidRequest": (400, "invalid_request_error", None),
    "MethodNotAllowed": (405, "invalid_request_error", "method_not_allowed"),
    "ModelNotFound": (404, "model_not_found", "model_not_found"),
    "ModelNotInstalled": (404, "model_not_found", "model_not_installed"),
    "Overloaded": (503, "server_error", "overloaded"),
    "ProviderChallenged": (502, "provider_error", "provider_challenge"),
    "ProviderNotFound": (404, "provider_error", "provider_not_found"),
    "ProviderNotWorking": (502, "provider_error", "provider_not_working"),
    "ProviderTimeout": (504, "provider_error", "provider_timeout"),
    "RateLimited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "RequestTimeout": (408, "invalid_request_error", "request_timeout"),
    "ShuttingDown": (503, "server_error", "shutting_down"),
    "TooManyHeaders": (431, "invalid_request_error", "headers_too_large"),
    "UnknownUrl": (404, "invalid_request_error", "unknown_url"),
    "UnsupportedMediaType": (415, "invalid_request_error", "unsupported_media_type"),
    "UnsupportedParameter": (400, "invalid_request_error", "unsupported_parameter"),
}


def kinds() -> dict[str, type[ApiError]]:
    named = {name: getattr(g4f_proto, name) for name in g4f_proto.__all__}
    return {name: kind for name, kind in named.items() if isinstance(kind, type) and issubclass(kind, ApiError)}


def test_the_table_is_whole() -> None:
    assert set(kinds()) == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_row(name: str) -> None:
    found = kinds()[name]("what happened")
    assert (found.status, found.type, found.code) == TABLE[name]
    assert error(found.body()) == {
        "message": "what happened",
        "type": TABLE[name][1],
        "param": None,
        "code": TABLE[name][2],
    }
    assert str(found) == found.message == "what happened"
    assert type(found).__doc__
    assert found.retry_after is None


def test_an_instance_may_differ_and_leaves_its_class_alone() -> None:
    one = ModelNotFound("m", code="c", param="p", status=410, type="t", retry_after=3)
    assert (one.code, one.param, one.status, one.type, one.retry_after) == ("c", "p", 410, "t", 3)
    assert error(one.body()) == {"message": "m", "type": "t", "param": "p", "code": "c"}
    assert (ModelNotFound.code, ModelNotFound.status, ModelNotFound.type) == ("model_not_found", 404, "model_not_found")


@given(st.text(), st.text(), st.text())
def test_any_words_are_ascii_json_on_one_line(message: str, param: str, code: str) -> None:
    body = ApiError(message, param=param, code=code).body()
    assert b"\n" not in body
    assert b"\r" not in body
    found = json.loads(body.decode("ascii"))["error"]
    assert found == json.loads(json.dumps({"message": message, "type": "server_error", "param": param, "code": code}))


def test_a_drivers_mistake_is_no_api_error() -> None:
    assert not issubclass(LocalProtocolError, ApiError)
