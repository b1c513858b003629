# Our server behind our server behind our server: what the first says is what the last client hears.
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.backends.conftest import started

# One loop a hop, so that each is a client and a server here.
LOOPS = ("asyncio", "uvloop", "trio")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"]}}}

ARRAY = {"name": "x", "schema": {"type": "array"}}


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """A client of the first server, and one of the third."""
    folder = tmp_path_factory.mktemp("hops")

    def command(loop: str, behind: int | None = None, name: str = "") -> list[str]:
        options = ["-m", "backends.h11", "--port", "0", "--loop", loop, "--g4f-api-key", "between-us-1234"]
        if behind is not None:
            file: Path = folder / f"{loop}.toml"
            file.write_text(f"[providers.{name}]\nbase_url='http://127.0.0.1:{behind}/v1'\napi_key='between-us-1234'\n")
            options += ["--config", str(file), "--ignored-providers", "Scripted"]
        return options

    with (
        started(*command(LOOPS[0])) as first,
        started(*command(LOOPS[1], first.port, "One")) as second,
        started(*command(LOOPS[2], second.port, "Two")) as third,
        client(first.url) as near,
        client(third.url) as far,
    ):
        yield near, far


def client(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"authorization": "Bearer between-us-1234"}, trust_env=False, timeout=20)


def ask(to: httpx2.Client, model: str, **fields: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "héllo 😀 there"}], **fields}
    return to.post("/v1/chat/completions", json=body)


def same(text: str) -> list[str]:
    """A reply without what names one server's own: ids, times, names."""
    text = re.sub(r'"(id|model|provider|system_fingerprint)":"(?!call_)[^"]*"', r'"\1":"-"', text)
    text = re.sub(r'"created":\d+', '"created":0', text)
    return text.replace(": ping\n\n", "").split("\n\n")


SAID: list[tuple[str, dict[str, Any]]] = [
    ("scripted", {}),
    ("scripted:tokens=300", {}),
    ("scripted:reasoning=3", {"reasoning_effort": "low"}),
    ("scripted:calls=2", {"tools": [TOOL]}),
    ("scripted:tokens=3", {"logprobs": True, "top_logprobs": 2}),
    ("scripted:tokens=5", {"n": 3}),
    ("scripted:tokens=50", {"max_tokens": 3}),
    ("scripted", {"stop": ["there"]}),
    ("scripted", {"response_format": {"type": "json_schema", "json_schema": ARRAY}}),
    ("scripted", {"functions": [TOOL["function"]]}),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["document", "stream"])
@pytest.mark.parametrize(("model", "fields"), SAID, ids=lambda value: str(value)[:30])
def test_three_hops_say_the_same(hops: Any, model: str, fields: dict[str, Any], stream: bool) -> None:
    near, far = hops
    if stream:
        fields = {**fields, "stream": True, "stream_options": {"include_usage": True}}
    here, there = ask(near, model, **fields), ask(far, f"Two:One:{model}", **fields)
    assert (here.status_code, there.status_code) == (200, 200)
    assert here.headers["content-type"] == there.headers["content-type"]
    assert here.json()["usage"] == there.json()["usage"] if not stream else '"usage":{"prompt_tokens":' in there.text
    assert (
        sorted(same(there.text)) == sorted(same(here.text)) if fields.get("n") else same(there.text) == same(here.text)
    )


@pytest.mark.parametrize("stream", [False, True], ids=["document", "stream"])
@pytest.mark.parametrize(
    ("status", "told"), [(400, 400), (404, 404), (413, 413), (422, 400), (429, 429), (500, 502), (503, 502), (504, 504)]
)
def test_errors_have_their_true_status(hops: Any, status: int, told: int, stream: bool) -> None:
    _, far = hops
    reply = ask(far, f"Two:One:scripted:error={status}", stream=stream)
    assert reply.status_code == told
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert ask(far, "Two:One:scripted").status_code == 200  # and the provider is not thought to be broken


def test_an_error_in_the_middle(hops: Any) -> None:
    near, far = hops
    here = ask(near, "scripted:error=429,after=2", stream=True).text
    there = ask(far, "Two:One:scripted:error=429,after=2", stream=True).text
    assert same(here) == same(there)
    error = json.loads(there.split("data: ")[-2])["error"]
    assert error["type"] == "rate_limit_error"
    assert ask(far, "Two:One:scripted").status_code == 200


def test_what_is_not_served_and_a_wrong_parameter(hops: Any) -> None:
    near, far = hops
    for model, fields in (("nobody", {}), ("scripted:nonsense=1", {})):
        here, there = ask(near, model, **fields), ask(far, f"Two:One:{model}", **fields)
        assert here.status_code == there.status_code
        assert here.json()["error"]["code"] == there.json()["error"]["code"]
        assert here.json()["error"]["param"] == there.json()["error"]["param"]


def post(to: httpx2.Client, path: str, **body: Any) -> httpx2.Response:
    reply = to.post(path, json=body)
    assert reply.status_code == 200, reply.text
    return reply


def test_embeddings_and_sound_come_through(hops: Any) -> None:
    near, far = hops
    for fields in ({}, {"encoding_format": "base64"}, {"dimensions": 8}):
        here, there = (
            post(to, "/v1/embeddings", model=f"{hop}scripted", input=["a", "b"], **fields).json()
            for to, hop in ((near, ""), (far, "Two:One:"))
        )
        assert here["data"] == there["data"]
        assert here["usage"] == there["usage"]
    sound = [
        post(to, "/v1/audio/speech", model=f"{hop}scripted", input="hi you", voice="alloy", response_format="wav")
        for to, hop in ((near, ""), (far, "Two:One:"))
    ]
    assert sound[0].content == sound[1].content
    assert sound[0].headers["content-type"] == sound[1].headers["content-type"]
    for format in ("json", "verbose_json", "text", "srt"):
        texts = []
        for to, hop in ((near, ""), (far, "Two:One:")):
            form = {"model": f"{hop}scripted", "response_format": format}
            reply = to.post("/v1/audio/transcriptions", data=form, files={"file": ("a.wav", sound[0].content)})
            assert reply.status_code == 200, reply.text
            texts.append(reply.text)
        assert texts[0] == texts[1]


def test_images_come_through_and_no_host_is_told(hops: Any) -> None:
    near, far = hops
    for format in ("b64_json", "url"):
        shown = []
        for to, hop in ((near, ""), (far, "Two:One:")):
            asked = {"model": f"{hop}scripted", "prompt": "sea", "n": 2, "size": "64x32", "response_format": format}
            data = post(to, "/v1/images/generations", **asked).json()["data"]
            if format == "url":
                assert all(entry["url"].startswith(str(to.base_url)) for entry in data)
                data = [to.get(entry["url"]).content for entry in data]
            shown.append(data)
        assert shown[0] == shown[1]


def test_completions_come_through(hops: Any) -> None:
    near, far = hops
    for fields in ({"prompt": "one two"}, {"prompt": ["one two", "three"], "n": 2}, {"prompt": "a b", "max_tokens": 1}):
        here, there = (
            post(to, "/v1/completions", model=f"{hop}scripted", **fields).json()
            for to, hop in ((near, ""), (far, "Two:One:"))
        )
        by_index = [sorted(one["choices"], key=lambda choice: choice["index"]) for one in (here, there)]
        assert by_index[0] == by_index[1]
        assert here["usage"] == there["usage"]


def test_models_come_through(hops: Any) -> None:
    _, far = hops
    assert "scripted" in [model["id"] for model in far.get("/v1/models").json()["data"]]
    for path in ("/v1/models", "/v1/providers", "/v1/providers/Two"):
        assert "between-us-1234" not in far.get(path).text
