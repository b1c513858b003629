# Uploads of cookies: who may leave some, which files are taken, and the results.
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from g4f_proto import Api, CookiesCall, Exchange, Stored

from .made import answer, ask, error, status

URL = b"/v1/upload_cookies"
API = Api()
BODY = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n[1]\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.har"\r\n\r\n{}\r\n'
    b'--x\r\nContent-Disposition: form-data; name="other"; filename="c"\r\n\r\n\r\n--x--\r\n'
)
FORM = {b"content-type": b"multipart/form-data; boundary=x"}


def upload(body: bytes = BODY, *, api: Api = API, **headers: bytes) -> tuple[Exchange, bytes]:
    return ask(body, "POST", URL, {**FORM, **{name.encode(): value for name, value in headers.items()}}, api=api)


def refusal(body: bytes = BODY, **options: Any) -> tuple[int, str, str | None]:
    exchange, out = upload(body, **options)
    assert exchange.call is None
    found = error(out)
    return status(exchange), found["code"], found["param"]


def test_the_files_of_a_form() -> None:
    exchange, _ = upload()
    call = exchange.call
    assert isinstance(call, CookiesCall)
    assert [(file.filename, file.data) for file in call.files] == [("a.json", b"[1]"), ("b.har", b"{}")]


def test_one_result_for_each() -> None:
    exchange, _ = upload()
    out = answer(exchange, Stored(filename="a.json", error="No."), Stored(filename='"b".har'))
    assert status(exchange) == 200
    assert json.loads(out) == [{"filename": "a.json", "error": "No."}, {"filename": '"b".har'}]


def test_when_none_is_kept_it_is_an_error() -> None:
    exchange, _ = upload()
    found = error(answer(exchange, Stored(filename="a", error="No."), Stored(filename="b", error="Neither.")))
    assert (status(exchange), found["message"], found["code"]) == (422, "No. Neither.", "invalid_cookie_file")


def test_a_form_without_files() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\n[]\r\n--x--\r\n'
    assert refusal(body) == (400, "missing_required_parameter", "files")


def test_no_strangers() -> None:
    exposed = replace(API, exposed=True)
    assert refusal(api=exposed) == (403, "forbidden", None)
    with_key = replace(exposed, keys=("k",))
    assert refusal(api=with_key)[0] == 401
    exchange, _ = upload(api=with_key, authorization=b"Bearer k")
    assert isinstance(exchange.call, CookiesCall)
    assert len(exchange.call.principal) == 64


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"http://localhost:1337"])
def test_no_web_pages(origin: bytes) -> None:
    assert refusal(origin=origin) == (403, "forbidden", None)
    allowed = replace(API, origins=frozenset({origin.decode()}))
    assert upload(api=allowed, origin=origin)[0].call is not None


def test_no_other_body() -> None:
    exchange, out = ask(b"[]", "POST", URL, {b"content-type": b"application/json"}, api=API)
    assert (status(exchange), error(out)["code"]) == (415, "unsupported_media_type")
