# The images dialect: what may be asked, what each parameter does, and that what we write is what we read.
from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    Api,
    Catalog,
    Image,
    ImageCall,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    Usage,
    read_images,
)

from .made import CREATED, answer, ask, error, header, status

KIND: Any = frozenset({"image"})
PAINTER = ProviderInfo(name="Painter", label="Painter", default_model="oil", native=frozenset({"seed"}))
OTHER = ProviderInfo(name="Other", label="Other", default_model="talk", native=frozenset({"seed", "quality", "style"}))
API = Api(
    catalog=Catalog(
        providers={"Painter": PAINTER, "Other": OTHER},
        models={
            "Painter": (Model(id="oil", owned_by="us", kinds=KIND),),
            "Other": (Model(id="talk", owned_by="us"), Model(id="oil", owned_by="us", kinds=KIND)),
        },
        aliases={"dall-e-3": "oil", "gpt-image-1": "oil"},
    )
)
PNG = b"\x89PNG\r\n\x1a\n"
TARGET = b"/v1/images/generations"


def body(**fields: object) -> bytes:
    return json.dumps({"prompt": "a cat", **fields}).encode()


def call(target: bytes = TARGET, headers: Any = None, *, api: Api = API, **fields: object) -> ImageCall:
    exchange, out = ask(body(**fields), target=target, headers=headers, api=api)
    assert out == b"", out
    assert isinstance(exchange.call, ImageCall)
    return exchange.call


def refusal(**fields: object) -> tuple[str | None, str | None]:
    exchange, out = ask(body(**fields), target=TARGET, api=API)
    assert exchange.call is None
    assert status(exchange) in (400, 404)
    told = error(out)
    return told["param"], told["code"]


def reply(*events: ProviderEvent, headers: Any = None, api: Api = API, **fields: object) -> dict[str, Any]:
    exchange, _ = ask(body(**fields), target=TARGET, headers=headers, api=api)
    out = answer(exchange, *events)
    assert status(exchange) == 200
    assert header(exchange, b"content-length") == b"%d" % len(out)
    document: dict[str, Any] = json.loads(out.decode("ascii"))
    return document


def test_what_is_asked_when_nothing_is_said() -> None:
    asked = call()
    assert (asked.provider, asked.model, asked.prompt, asked.n) == ("Painter", "oil", "a cat", 1)
    assert (asked.width, asked.height, asked.output_format, asked.seed, asked.store) == (0, 0, "png", None, True)


def test_every_field() -> None:
    asked = call(
        model="dall-e-3", provider="Other", n=4, size="1792x1024", response_format="b64_json", output_format="webp",
        seed=-5, user="me", quality="hd", style="natural", timeout=7, output_compression=100, moderation="low",
    )  # fmt: skip
    assert (asked.provider, asked.model, asked.n, asked.timeout) == ("Other", "oil", 4, 7)
    assert (asked.width, asked.height, asked.output_format, asked.seed, asked.store) == (1792, 1024, "webp", -5, False)
    assert asked.body["style"] == "natural"


def test_the_path_names_the_provider() -> None:
    assert call(b"/api/Other/images/generations", provider="Painter").provider == "Other"


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"size": "auto"}, (0, 0)),
        ({"size": None}, (0, 0)),
        ({"size": "16x4096"}, (16, 4096)),
        ({"size": "3840x2160"}, (3840, 2160)),
        ({"width": 640, "height": 480}, (640, 480)),
        ({"width": 640}, (640, 0)),
        ({"size": "512x512", "width": 640}, (640, 512)),
    ],
)
def test_sizes(fields: dict[str, object], size: tuple[int, int]) -> None:
    asked = call(**fields)
    assert (asked.width, asked.height) == size


@pytest.mark.parametrize(
    "size",
    ["", "big", "512", "512x", "x512", "512x512x3", "512X512", " 512x512", "512x512\n", "0x512", "512x0", "-1x5",
     "15x512", "512x4097", "4096x4096", "\u0665x5", "512*512", "9999999x1", "1e2x1e2", "0512x512"],
)  # fmt: skip
def test_sizes_that_are_none(size: str) -> None:
    assert refusal(size=size) == ("size", "invalid_value")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": ""}, "prompt", "string_below_min_length"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"prompt": None}, "prompt", "invalid_type"),
        ({"prompt": ["a"]}, "prompt", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 5}, "n", "integer_above_max_value"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"n": 1.5}, "n", "invalid_type"),
        ({"size": 512}, "size", "invalid_type"),
        ({"width": 15}, "width", "integer_below_min_value"),
        ({"height": 5000}, "height", "integer_above_max_value"),
        ({"response_format": "png"}, "response_format", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"output_compression": 101, "output_format": "jpeg"}, "output_compression", "integer_above_max_value"),
        ({"output_compression": 50}, "output_compression", "invalid_value"),
        ({"output_compression": 50, "output_format": "jpeg"}, "output_compression", "unsupported_parameter"),
        ({"quality": "best"}, "quality", "invalid_value"),
        ({"quality": "hd", "provider": "Painter"}, "quality", "unsupported_parameter"),
        ({"style": "natural", "provider": "Painter"}, "style", "unsupported_parameter"),
        ({"background": "transparent"}, "background", "unsupported_parameter"),
        ({"moderation": "none"}, "moderation", "invalid_value"),
        ({"partial_images": 2}, "partial_images", "unsupported_parameter"),
        ({"stream": True}, "stream", "unsupported_parameter"),
        ({"negative_prompt": "dogs"}, "negative_prompt", "unsupported_parameter"),
        ({"seed": "x"}, "seed", "invalid_type"),
        ({"user": 5}, "user", "invalid_type"),
        ({"model": "nobody"}, "model", "model_not_found"),
        ({"model": "talk"}, "model", "model_not_found"),
        ({"provider": "Nobody"}, "provider", "provider_not_found"),
    ],
)
def test_refusals(fields: dict[str, object], param: str, code: str) -> None:
    assert refusal(**fields) == (param, code)


def test_a_prompt_is_required() -> None:
    exchange, out = ask(b'{"model":"oil"}', target=TARGET, api=API)
    assert status(exchange) == 400
    assert (error(out)["param"], error(out)["code"]) == ("prompt", "missing_required_parameter")


def test_what_asks_for_nothing_passes() -> None:
    call(quality="auto", style="vivid", background="opaque", moderation="auto", output_compression=100,
         partial_images=0, stream=False, user="u", negative_prompt="", extra={"x": 1}, seed=None)  # fmt: skip


def test_one_who_can_is_found_and_the_next_takes_over() -> None:
    asked = call(quality="hd")
    assert asked.provider == "Other"
    exchange, _ = ask(body(), target=TARGET, api=API)
    assert exchange.another(ProviderNotWorking("The paint is dry."))
    assert exchange.call is not None
    assert exchange.call.provider == "Other"


@pytest.mark.parametrize(("model", "store"), [("dall-e-3", True), ("gpt-image-1", False), ("oil", True), (None, True)])
def test_clients_of_gpt_image_read_base64(model: str | None, store: bool) -> None:
    assert call(model=model).store is store
    assert call(model=model, response_format="url").store is True


def test_the_reply() -> None:
    document = reply(
        Image(url="/media/x.png", revised_prompt="a \u201ccat\u201d"), Usage(prompt_tokens=2, completion_tokens=3),
        headers={b"host": b"api.example:8080"}, size="64x32", n=1,
    )  # fmt: skip
    assert document == {
        "created": CREATED,
        "data": [{"url": "http://api.example:8080/media/x.png", "revised_prompt": "a \u201ccat\u201d"}],
        "output_format": "png",
        "size": "64x32",
        "usage": {
            "input_tokens": 2,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 2},
            "output_tokens": 3,
            "total_tokens": 5,
        },
    }


def test_base64() -> None:
    document = reply(Image(data=PNG), Image(data=b""), response_format="b64_json", n=2)
    assert document["data"] == [{"b64_json": base64.b64encode(PNG).decode()}, {"b64_json": ""}]
    assert "size" not in document
    assert "usage" not in document


def test_the_format_is_the_one_that_was_made() -> None:
    assert reply(Image(data=PNG, type="image/jpeg"), response_format="b64_json")["output_format"] == "jpeg"
    assert reply(Image(url="/media/x.webp", type="image/webp"))["output_format"] == "webp"
    assert reply(Image(url="https://far.example/x"), output_format="webp")["output_format"] == "webp"


def test_where_an_address_leads() -> None:
    image = Image(url="/media/x.png")
    public = replace(API, public_url="https://img.example/g4f/")
    assert reply(image, api=public)["data"][0]["url"] == "https://img.example/g4f/media/x.png"
    for host in (b"evil/path", b"a b", b"", b"x\r\ny"):
        assert reply(image, headers={b"host": host})["data"][0]["url"] == "http://localhost/media/x.png"
    assert reply(Image(url="https://cdn.example/y.png"))["data"][0]["url"] == "https://cdn.example/y.png"


def test_without_a_store_the_address_holds_the_image() -> None:
    url = reply(Image(data=PNG, type="image/png"))["data"][0]["url"]
    assert url == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert reply(Image(url="https://cdn.example/y.png"), response_format="b64_json")["data"] == [
        {"url": "https://cdn.example/y.png"}
    ]


MAGIC = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP",
    "image/gif": b"GIF89a",
    "application/octet-stream": b"?",
}
IMAGES = st.builds(
    lambda kind, rest, told: Image(data=MAGIC[kind] + rest, type=kind, revised_prompt=told),
    st.sampled_from(sorted(MAGIC)),
    st.binary(max_size=40),
    st.none() | st.text(max_size=20),
)
ADDRESSES = st.builds(
    lambda path, told: Image(url=f"https://cdn.example/{path}", revised_prompt=told),
    st.text("abc/%?=", max_size=9),
    st.none() | st.text(max_size=20),
)
COUNTS = st.integers(0, 2**40)
USAGES = st.lists(st.builds(lambda a, b: Usage(prompt_tokens=a, completion_tokens=b), COUNTS, COUNTS), max_size=1)


@given(st.lists(IMAGES, min_size=1, max_size=4), USAGES, st.booleans())
def test_images_that_are_written_are_read(images: list[Image], usage: list[Usage], url: bool) -> None:
    exchange, _ = ask(body(response_format="url" if url else "b64_json", n=4), target=TARGET, api=API)
    assert read_images(answer(exchange, *images, *usage)) == (*images, *usage)


@given(st.lists(ADDRESSES, min_size=1, max_size=4))
def test_addresses_that_are_written_are_read(images: list[Image]) -> None:
    exchange, _ = ask(body(n=4), target=TARGET, api=API)
    assert read_images(answer(exchange, *images)) == tuple(images)


@pytest.mark.parametrize(
    "document",
    [
        b"", b"[]", b"null", b"{}", b'{"data":null}', b'{"data":[1]}', b'{"data":[{}]}', b'{"data":[{"url":5}]}',
        b'{"data":[{"url":"javascript:alert(1)"}]}', b'{"data":[{"url":"/media/x.png"}]}',
        b'{"data":[{"url":"file:///etc/passwd"}]}', b'{"data":[{"b64_json":"!"}]}', b'{"error":{"message":"key sk-1"}}',
        b'{"data":[]}x', b'{"data":' + b"[" * 100_000, b"\xff",
    ],
)  # fmt: skip
def test_replies_that_are_none(document: bytes) -> None:
    with pytest.raises(ProviderNotWorking) as caught:
        read_images(document)
    assert "sk-1" not in caught.value.message


KEYS = st.sampled_from(["data", "url", "b64_json", "usage", "input_tokens", "error"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_an_upstream_says_raises_otherwise(document: bytes) -> None:
    with suppress(ProviderNotWorking):
        read_images(document)
