# What a stranger may ask of us: every limit at its edge and over it, with its error; and traps for time and memory.
from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest

from g4f_proto import Limits, MiB

from .made import API, CHAT, ask, chat, error, get, header, refused, start, status

SMALL = replace(API, limits=Limits(body=len(chat()), headers=100))


def test_a_body_of_exactly_the_limit() -> None:
    assert ask(chat(), api=SMALL)[0].call is not None
    assert ask(chat(), headers={b"content-length": b"%d" % len(chat())}, api=SMALL)[0].call is not None


def test_one_byte_more_counted() -> None:
    exchange = start(api=SMALL)
    assert exchange.receive_data(chat())
    assert exchange.receive_data(b"") is True
    assert exchange.receive_data(b" ") is False
    assert exchange.receive_data(b"") is False
    assert error(exchange.receive_end())["code"] == "request_too_large"
    assert status(exchange) == 413


@pytest.mark.parametrize("length", [b"68", b"0000000000068", b"9" * 20, b"9" * 60])
def test_one_byte_more_announced(length: bytes) -> None:
    limits = Limits(body=67)
    exchange = start(headers={b"content-length": length}, api=replace(API, limits=limits))
    assert exchange.receive_data(b"{") is False, "nothing of it is read"
    assert error(exchange.receive_end())["code"] == "request_too_large"
    assert status(exchange) == 413


@pytest.mark.parametrize("length", [b"", b"-1", b"abc", b"1_0", "٣".encode(), b"+9999999999", b"0" * 40 + b"9"])
def test_a_length_that_is_none_is_counted(length: bytes) -> None:
    assert ask(chat(), headers={b"content-length": length})[0].call is not None


def test_the_limit_holds_where_no_body_is_wanted() -> None:
    for method, target in (("GET", b"/v1/models"), ("OPTIONS", CHAT), ("GET", b"/health")):
        exchange = start(method, target, api=SMALL)
        assert exchange.receive_data(b"x" * 1000) is False
        exchange.receive_end()
        assert status(exchange) == 413


def test_twenty_megabytes_pass() -> None:
    exchange, _ = ask(chat(messages=[{"role": "user", "content": "x" * (20 * MiB)}]))
    assert exchange.call is not None
    assert len(exchange.call.request.messages[0].text) == 20 * MiB


def test_a_body_in_tiny_pieces_takes_its_size_and_not_many_times_it() -> None:
    size = 400_000
    tracemalloc.start()
    exchange = start()
    for at in range(0, size, 2):
        exchange.receive_data(b"%02d" % (at % 99))
        exchange.receive_data(b"")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 2 * size


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_header_bytes(method: str) -> None:
    target = {"POST": CHAT}.get(method, b"/v1/models")
    exactly = {b"x" * 20: b"y" * 80}
    assert status(ask(b"{", method, target, exactly, api=SMALL)[0]) in (200, 204, 400)
    exchange, out = ask(b"", method, target, {**exactly, b"z": b""}, api=SMALL)
    assert status(exchange) == 431
    if method != "HEAD":
        assert error(out)["code"] == "headers_too_large"


def test_a_long_path_is_not_told_back() -> None:
    _, out = get(b"/" + b"\xff" * 50_000)
    assert len(out) < 2000


def test_a_name_is_repeated_in_every_chunk_so_it_is_bounded() -> None:
    assert refused(chat(model="m" * 513)) == (400, "string_above_max_length", "model")
    assert refused(chat(provider="m" * 513)) == (400, "string_above_max_length", "provider")
    assert refused(chat(model="m" * 512)) == (404, "model_not_found", "model")
    assert ask(chat(model="echo:" + "m" * 507))[0].call is not None


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"," + chat()[1:]


def test_depth() -> None:
    assert ask(nested(128))[0].call is not None
    for levels in (129, 900, 1100, 100_000):
        assert refused(nested(levels)) == (400, "invalid_json", None)
    assert refused(b"[" * 1_000_000) == (400, "invalid_json", None)
    assert refused(b'{"a":' * 1_000_000) == (400, "invalid_json", None)
    shallow = replace(API, limits=Limits(depth=3))
    assert ask(chat(), api=shallow)[0].call is not None
    assert refused(chat(x=[[[]]]), api=shallow) == (400, "invalid_json", None)


def test_brackets_in_strings_are_no_depth() -> None:
    text = '[{"\\' * 500
    exchange, _ = ask(chat(messages=[{"role": "user", "content": text}]))
    assert exchange.call is not None
    assert exchange.call.request.messages[0].text == text


def test_ten_thousand_messages() -> None:
    exchange, _ = ask(chat(messages=[{"role": "user", "content": "x"}] * 10_000))
    assert exchange.call is not None
    assert len(exchange.call.request.messages) == 10_000


def test_a_string_of_a_megabyte() -> None:
    for text in ("x" * MiB, "\\" * MiB, "\U0001f600" * (MiB // 4), '"' * MiB, "\x00" * MiB):
        exchange, _ = ask(chat(messages=[{"role": "user", "content": text}]))
        assert exchange.call is not None
        assert exchange.call.request.messages[0].text == text


# Bodies made to be slow. Each of them took minutes, or gigabytes, in a parser that looks at a byte twice.


@pytest.mark.parametrize(
    "body",
    [
        b"[]" * 129 + b'"' + b'\\"' * 2_000_000,
        b"[" * 129 + b'"' * 3_000_001,
        b'{"a":"' + b"[" * 200 + b"x" * 4_000_000 + b'"}',
        b'{"a":"' + b"[" * 200 + b"\\n" * 2_000_000,
        b'{"messages":[' + b"{}," * 300_000 + b"{}]}",
        b'{"messages":[{"role":"user","content":[' + b"5," * 300_000 + b"5]}]}",
        b'{"stop":[' + b"5," * 300_000 + b"5]}",
    ],
    ids=["escaped quotes", "quotes", "a string", "a string without end", "bad messages", "bad parts", "bad stops"],
)
def test_a_body_made_to_be_slow(body: bytes) -> None:
    assert len(body) < 5_000_000
    exchange, out = ask(body)
    assert status(exchange) == 400
    assert len(out) < 1000


def test_millions_of_wrong_elements_do_not_make_millions_of_complaints() -> None:
    document = {"messages": [{"role": 5}] * 50_000}
    body = json.dumps(document).encode()
    exchange = start()
    exchange.receive_data(body)
    tracemalloc.start()
    out = exchange.receive_end()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error(out)["param"] == "messages[0].role"
    assert peak < 30 * MiB  # the document itself; its complaints would have been 100 MiB
    assert header(exchange, b"content-length")


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_two_lengths_of_one_body(method: str) -> None:
    """Before the key and on every method: what follows such a request may be another one, smuggled in."""
    headers = {b"content-length": b"5", b"transfer-encoding": b"chunked"}
    exchange, out = ask(b"", method, headers=headers, api=replace(API, keys=("k",)))
    assert (status(exchange), error(out)["code"]) == (400, "invalid_http")
    assert header(exchange, b"connection") == b"close"
