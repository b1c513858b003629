# Embeddings: the four forms of the input, both forms of a vector, and an upstream's replies.
from __future__ import annotations

import json
from array import array
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    Api,
    ApiError,
    Catalog,
    Embedding,
    EmbeddingCall,
    Model,
    ProviderEvent,
    ProviderInfo,
    Usage,
    read_embeddings,
)
from g4f_proto.dialects.embeddings import EmbeddingReply

from .made import ask, header, refused, status

URL = b"/v1/embeddings"
VECTORS = ProviderInfo(name="Vectors", label="Vectors", default_model="small")
CHATTY = ProviderInfo(name="Chatty", label="Chatty", default_model="talk")
API = Api(
    catalog=Catalog(
        providers={"Chatty": CHATTY, "Vectors": VECTORS},
        models={
            "Chatty": (Model(id="talk", owned_by="us"),),
            "Vectors": (Model(id="small", owned_by="us", kinds=frozenset({"embedding"})),),
        },
        aliases={"text-embedding-3-small": "small"},
        default_model="talk",
    )
)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
VECTOR = st.lists(FLOATS, min_size=1, max_size=20).map(lambda values: array("f", values))


def body(given: object, **fields: object) -> bytes:
    return json.dumps({"input": given, "model": "small", **fields}).encode()


def called(given: object, target: bytes = URL, **fields: object) -> EmbeddingCall:
    exchange, out = ask(body(given, **fields), target=target, api=API)
    assert out == b""
    assert isinstance(exchange.call, EmbeddingCall)
    return exchange.call


def answered(given: object, *events: ProviderEvent, **fields: object) -> tuple[int, Any]:
    exchange, _ = ask(body(given, **fields), target=URL, api=API)
    assert b"".join(map(exchange.send, events)) == b""
    out = exchange.end()
    assert header(exchange, b"content-type") == b"application/json"
    assert header(exchange, b"content-length") == str(len(out)).encode()
    return status(exchange), json.loads(out)


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("hello", ("hello",)),
        (["hello"], ("hello",)),
        (["a", "b"], ("a", "b")),
        ([1, 2, 3], ((1, 2, 3),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        ([" "] * 2048, (" ",) * 2048),
        ([[0]] * 2048, ((0,),) * 2048),
        ([2**31 - 1] * 2048, ((2**31 - 1,) * 2048,)),
    ],
)
def test_the_four_forms_of_the_input(given: object, inputs: tuple[object, ...]) -> None:
    call = called(given)
    assert (call.provider, call.model, call.inputs, call.dimensions) == ("Vectors", "small", inputs, None)


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ("", "string_below_min_length", "input"),
        ([], "empty_array", "input"),
        ([""], "string_below_min_length", "input[0]"),
        ([[]], "empty_array", "input[0]"),
        (["a", 1], "invalid_type", "input[1]"),
        ([[1], [1, "a"]], "invalid_type", "input[1][1]"),
        ([1, -1], "integer_below_min_value", "input[1]"),
        ([[1, 2**31]], "integer_above_max_value", "input[0][1]"),
        ([1.5], "invalid_type", "input[0]"),
        ([True], "invalid_type", "input[0]"),
        (None, "invalid_type", "input"),
        (7, "invalid_type", "input"),
        ({"text": "a"}, "invalid_type", "input"),
        (["a"] * 2049, "array_above_max_length", "input"),
        ([1] * 2049, "array_above_max_length", "input"),
        ([[1]] * 2049, "array_above_max_length", "input"),
    ],
)
def test_inputs_that_are_none(given: object, code: str, param: str) -> None:
    assert refused(body(given), target=URL, api=API) == (400, code, param)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("encoding_format", "hex", "invalid_value"),
        ("dimensions", 0, "integer_below_min_value"),
        ("dimensions", 4097, "integer_above_max_value"),
        ("dimensions", "384", "invalid_type"),
        ("user", 1, "invalid_type"),
    ],
)
def test_other_fields(field: str, value: object, code: str) -> None:
    assert refused(body("a", **{field: value}), target=URL, api=API) == (400, code, field)


def test_the_input_is_required() -> None:
    assert refused(b'{"model":"small"}', target=URL, api=API) == (400, "missing_required_parameter", "input")


def test_what_is_asked_for_reaches_the_provider() -> None:
    call = called("a", dimensions=3, user="u", timeout=5, extra={"x": 1})
    assert (call.dimensions, call.timeout) == (3, 5)
    assert call.body["extra"] == {"x": 1}


@pytest.mark.parametrize(
    ("model", "target", "fields"),
    [
        ("small", URL, {}),
        ("text-embedding-3-small", URL, {}),
        ("Vectors", URL, {}),
        ("Vectors:small", URL, {}),
        (None, URL, {"provider": "Vectors"}),
        ("small", b"/api/Vectors/embeddings", {}),
        (None, b"/api/Vectors/embeddings", {}),
    ],
)
def test_who_answers(model: str | None, target: bytes, fields: dict[str, object]) -> None:
    call = called("a", target, model=model, **fields)
    assert (call.provider, call.model) == ("Vectors", "small")


@pytest.mark.parametrize("model", ["talk", "nobody's", "Chatty"])
def test_a_model_that_makes_no_vectors(model: str) -> None:
    assert refused(body("a", model=model), target=URL, api=API) == (404, "model_not_found", "model")


def test_the_reply() -> None:
    said = (
        Embedding(index=1, vector=[0.0, 1.0]),
        Embedding(index=0, vector=(0.5, -0.25)),
        Usage(prompt_tokens=7, completion_tokens=0),
    )
    code, document = answered(["a", "b"], *said, model="text-embedding-3-small")
    assert code == 200
    assert document == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]},
            {"object": "embedding", "index": 1, "embedding": [0.0, 1.0]},
        ],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    _, document = answered(["a", "b"], *said, encoding_format="base64")
    assert [b64decode(entry["embedding"]).hex() for entry in document["data"]] == [
        "0000003f000080be",
        "000000000000803f",
    ]


@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=9), min_size=1, max_size=4))
def test_both_forms_say_the_same_to_the_bit(vectors: list[list[float]]) -> None:
    events = [Embedding(index=index, vector=vector) for index, vector in enumerate(vectors)]
    _, floats = answered(["a"] * len(vectors), *events, encoding_format="float")
    _, packed = answered(["a"] * len(vectors), *events, encoding_format="base64")
    for one, other in zip(floats["data"], packed["data"], strict=True):
        assert array("f", b64decode(other["embedding"])).tolist() == one["embedding"]


def test_vectors_that_are_missing_are_the_providers_failure() -> None:
    code, document = answered(["a", "b"], Embedding(index=0, vector=[1.0]))
    assert (code, document["error"]["code"]) == (502, "provider_not_working")


@given(st.lists(VECTOR, min_size=1, max_size=5), st.booleans(), st.integers(0, 10**9))
def test_an_upstream_that_is_us(vectors: list[array[float]], base64: bool, tokens: int) -> None:
    call = EmbeddingCall(provider="P", model="m", inputs=("a",) * len(vectors))
    encoder = EmbeddingReply(call, None, base64=base64)
    events = [
        *(Embedding(index=index, vector=vector) for index, vector in enumerate(vectors)),
        Usage(prompt_tokens=tokens, completion_tokens=0),
    ]
    for event in reversed(events):
        encoder.event(event)
    assert list(read_embeddings(encoder.end(), count=len(vectors))) == events


def test_an_upstream_that_leaves_out_what_can_be_told_without() -> None:
    said = read_embeddings(b'{"data":[{"embedding":[1]},{"embedding":"AACAPw=="}]}', count=2)
    assert said == (Embedding(index=0, vector=array("f", [1])), Embedding(index=1, vector=array("f", [1])))


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data":[]}',
        b'{"data":null}',
        b'{"data":[{"embedding":[]}]}',
        b'{"data":[{"embedding":""}]}',
        b'{"data":[{"embedding":"AAA"}]}',
        b'{"data":[{"embedding":"AACAPw==!"}]}',
        b'{"data":[{"embedding":"AACA"}]}',
        b'{"data":[{"embedding":["1"]}]}',
        b'{"data":[{"embedding":[NaN]}]}',
        b'{"data":[{"embedding":[1e300]}]}',
        b'{"data":[{"embedding":"AADAfw=="}]}',
        b'{"data":[{"embedding":[1],"index":1}]}',
        b'{"data":[{"embedding":[1],"index":[]}]}',
        b'{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]}',
        b'{"data":[{"embedding":[1]},{"embedding":[1]}]}',
        b'{"data":[{"embedding":[1]}],"usage":7}',
        b"[" * 100_000,
    ],
)
def test_an_upstream_that_makes_no_sense(reply: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_embeddings(reply, count=1)
    assert (caught.value.status, caught.value.code) == (502, "provider_not_working")
