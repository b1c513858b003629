# The API's description: valid, complete, and true: what the encoders write is what it says.
from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from g4f_proto import (
    KINDS,
    ROUTES,
    Api,
    Catalog,
    Embedding,
    Endpoint,
    Exchange,
    Finish,
    ForChoice,
    Heard,
    Image,
    Model,
    ProviderEvent,
    ProviderNotWorking,
    Reasoning,
    Refusal,
    Scored,
    Segment,
    Stored,
    TokenLogprob,
    ToolCall,
    Usage,
    Word,
)
from g4f_proto._openapi.operations import OPERATIONS

from .made import ABLE, answer, ask, chunks, get, status

ONE = Model(id="echo", owned_by="us", kinds=KINDS)
ALL = Api(catalog=Catalog(providers=ABLE.catalog.providers, models={"One": (ONE,)}), gui=b"<!doctype html>")


@cache
def described(keyed: bool = False) -> Any:
    api = replace(ALL, keys=("k",)) if keyed else ALL
    exchange, out = get(b"/openapi.json", {b"x-api-key": b"k"}, api=api)
    assert status(exchange) == 200
    return json.loads(out)


def operation(method: str, path: str) -> Any:
    return described()["paths"][path.replace("...}", "}")][method.lower()]


def fits(value: object, schema: object) -> None:
    Draft202012Validator({**schema, "components": described()["components"]}).validate(value)  # type: ignore[dict-item]


@pytest.mark.parametrize("keyed", [False, True])
def test_it_is_valid(keyed: bool) -> None:
    document = described(keyed)
    validate(document)
    assert bool(document["security"]) is keyed
    assert "g4f_proto" not in json.dumps(document)


def test_it_needs_a_key_where_everything_does() -> None:
    exchange, _ = get(b"/openapi.json", api=replace(ALL, keys=("k",)))
    assert status(exchange) == 401


@pytest.mark.parametrize(("method", "path", "endpoint"), [(m, p, e) for m, p, e, _ in ROUTES])
def test_it_says_what_needs_no_key(method: str, path: str, endpoint: Endpoint) -> None:
    target = path.replace("...}", "}").replace("{", "").replace("}", "").encode()
    exchange, _ = ask(b"", method, target, api=replace(ALL, keys=("k",)))
    refused = exchange.call is None and status(exchange) == 401
    assert refused is not OPERATIONS[endpoint].open


def test_it_tells_of_no_page_where_there_is_none() -> None:
    _, out = get(b"/openapi.json", api=replace(ALL, gui=b""))
    assert described()["paths"].keys() - json.loads(out)["paths"].keys() == {"/"}


def test_it_is_complete() -> None:
    assert {endpoint for _, _, endpoint, _ in ROUTES} <= OPERATIONS.keys(), "describe it in _openapi/operations.py"
    paths = described()["paths"]
    there = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert there == {(method, path.replace("...}", "}")) for method, path, _, _ in ROUTES}
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _, _ in ROUTES])
def test_examples_fit(method: str, path: str) -> None:
    found = operation(method, path)
    for content in found.get("requestBody", {}).get("content", {}).values():
        assert content["schema"]
        for example in content.get("examples", {}).values():
            fits(example["value"], content["schema"])
    for response in found["responses"].values():
        for media in response.get("content", {}).values():
            if "example" in media:
                fits(media["example"], media["schema"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (path, example)
        for _, path, endpoint, _ in ROUTES
        for example in OPERATIONS[endpoint].examples.values()
        if path.startswith("/v1/")
    ],
)
def test_examples_are_taken(path: str, body: Any) -> None:
    api = replace(ALL, counter=len)
    exchange, out = ask(json.dumps({**body, "model": "echo"}).encode(), target=path.encode(), api=api)
    assert exchange.call is not None or status(exchange) == 200, out


TOKEN = TokenLogprob(token="a", logprob=-0.5, top=(TokenLogprob(token="a", logprob=-0.5),))
USAGE = Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1)
SAID: dict[str, tuple[ProviderEvent, ...]] = {
    "words": ("a", "b", USAGE),
    "nothing": (),
    "thoughts": (Reasoning(text="hm"), "a", Finish(reason="length")),
    "calls": (ToolCall(index=0, id="c", name="f", arguments="{"), ToolCall(index=0, arguments="}")),
    "a refusal": (Refusal(text="no"),),
    "scores": (Scored(text="a", tokens=(TOKEN,)),),
    "choices": ("a", ForChoice(index=1, event="b"), ForChoice(index=1, event=Finish(reason="content_filter"))),
}
FIELDS: dict[str, dict[str, object]] = {
    "scores": {"logprobs": True, "top_logprobs": 1},
    "choices": {"n": 2},
    "calls": {"tools": [{"type": "function", "function": {"name": "f"}}]},
}


def answered(path: str, body: dict[str, object], *events: ProviderEvent) -> tuple[Exchange, bytes]:
    exchange, out = ask(json.dumps({"model": "echo", **body}).encode(), target=path.encode(), api=ALL)
    assert exchange.call is not None, out
    return exchange, answer(exchange, *events)


def reply(path: str, body: dict[str, object], *events: ProviderEvent) -> Any:
    exchange, out = answered(path, body, *events)
    assert status(exchange) == 200
    document = json.loads(out)
    fits(document, operation("POST", path)["responses"]["200"]["content"]["application/json"]["schema"])
    return document


MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("what", SAID)
def test_chats_are_what_it_says(what: str) -> None:
    body = {"messages": MESSAGES, **FIELDS.get(what, {})}
    reply("/v1/chat/completions", body, *SAID[what])
    for options in ({}, {"stream_options": {"include_usage": True}}):
        _, out = answered("/v1/chat/completions", {**body, "stream": True, **options}, *SAID[what])
        for chunk in chunks(out):
            fits(chunk, {"$ref": "#/components/schemas/ChatChunk"})


@pytest.mark.parametrize("what", ["words", "nothing", "choices"])
def test_completions_are_what_it_says(what: str) -> None:
    body = {"prompt": "hello", "n": 2}
    reply("/v1/completions", body, *SAID[what])
    _, out = answered("/v1/completions", {**body, "stream": True}, *SAID[what])
    for chunk in chunks(out):
        fits(chunk, {"$ref": "#/components/schemas/Completion"})


@pytest.mark.parametrize("what", ["words", "nothing", "thoughts", "calls", "a refusal"])
def test_messages_and_responses_are_what_it_says(what: str) -> None:
    reply("/v1/messages", {"messages": MESSAGES, "max_tokens": 9}, *SAID[what])
    reply("/v1/responses", {"input": "hello"}, *SAID[what])


def test_legacy_functions_are_what_it_says() -> None:
    reply("/v1/chat/completions", {"messages": MESSAGES, "functions": [{"name": "f"}]}, *SAID["calls"])


def test_the_other_answers_are_what_it_says() -> None:
    image = Image(url="/media/x.png", revised_prompt="y")
    reply("/v1/images/generations", {"prompt": "x", "size": "64x64"}, image, USAGE)
    reply("/v1/images/generations", {"prompt": "x", "response_format": "b64_json"}, Image(data=b"x"))
    for form in ("float", "base64"):
        vector = Embedding(index=0, vector=[0.5])
        reply("/v1/embeddings", {"input": "a", "encoding_format": form}, vector, USAGE)
    for path in ("/v1/models", "/v1/models/echo", "/api/One/models", "/v1/providers", "/v1/providers/One", "/health"):
        exchange, out = get(path.encode(), api=ALL)
        assert status(exchange) == 200
        pattern = path.replace("/echo", "/{model}").replace("One", "{provider}")
        fits(json.loads(out), operation("GET", pattern)["responses"]["200"]["content"]["application/json"]["schema"])
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n\r\n--x--\r\n'
    form_type = {b"content-type": b"multipart/form-data; boundary=x"}
    exchange, _ = ask(body, target=b"/v1/upload_cookies", headers=form_type, api=ALL)
    out = answer(exchange, Stored(filename="a"), Stored(filename="b", error="No."))
    responses = operation("POST", "/v1/upload_cookies")["responses"]
    fits(json.loads(out), responses["200"]["content"]["application/json"]["schema"])


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        (path, endpoint)
        for _, path, endpoint, _ in ROUTES
        if OPERATIONS[endpoint].runs and OPERATIONS[endpoint].examples
    ],
)
def test_failures_are_what_it_says(path: str, endpoint: Endpoint) -> None:
    example: Any = next(iter(OPERATIONS[endpoint].examples.values()))
    target = path.replace("{provider}", "One").replace("{conversation_id}", "c")
    exchange, _ = ask(json.dumps({**example, "model": "echo"}).encode(), target=target.encode(), api=ALL)
    out = exchange.fail(ProviderNotWorking("It broke."))
    fits(json.loads(out), operation("POST", path)["responses"]["502"]["content"]["application/json"]["schema"])


@pytest.mark.parametrize("form", ["json", "verbose_json"])
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
def test_transcripts_are_what_it_says(path: str, form: str) -> None:
    fields = {"model": "echo", "response_format": form}
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append('name="file"; filename="a.wav"\r\n\r\nRIFF')
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--x--\r\n"
    headers = {b"content-type": b"multipart/form-data; boundary=x"}
    exchange, out = ask(body.encode(), target=path.encode(), headers=headers, api=ALL)
    assert exchange.call is not None, out
    segment = Segment(start=0.0, end=1.5, text=" hello", words=(Word(text="hello", start=0.0, end=1.0),), tokens=(1,))
    out = answer(exchange, Heard(language="en", duration=2.0), segment)
    fits(json.loads(out), operation("POST", path)["responses"]["200"]["content"]["application/json"]["schema"])
