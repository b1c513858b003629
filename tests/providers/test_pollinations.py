# Pollinations over real sockets: what is asked of which address, images and placeholders, the three lists of models.
from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
import pytest
from pydantic import SecretStr

from g4f_proto import (
    ApiError,
    Call,
    Finish,
    FormFile,
    Image,
    ImageCall,
    ProviderEvent,
    SpeechCall,
    TranscriptionCall,
    Usage,
)
from providers.pollinations import PollinationsAI
from providers.upstream import UPSTREAMS, Upstream
from tests.providers.upstream.peer import (
    COMPLETION,
    END,
    EVENTS,
    KEY,
    Act,
    Peer,
    Step,
    chat,
    chunked,
    head,
    reply,
    serving,
)

pytestmark = pytest.mark.anyio

JPEG = b"\xff\xd8\xff\xe0 a picture"


def upstream(port: int, **fields: Any) -> Upstream:
    known = next(one.upstream for one in UPSTREAMS if one.upstream.name == "PollinationsAI")
    return replace(known, base_url=f"http://127.0.0.1:{port}", key=SecretStr(KEY), **fields)


@asynccontextmanager
async def at(*scripts: list[Step], **fields: Any) -> AsyncGenerator[tuple[Peer, PollinationsAI], None]:
    async with serving(*scripts) as peer:
        made = PollinationsAI(upstream(peer.port, **fields))
        try:
            yield peer, made
        finally:
            await made.aclose()


def picture(**fields: Any) -> ImageCall:
    given = {"provider": "PollinationsAI", "model": "flux", "prompt": "a red fox", **fields}
    return ImageCall(**given)


async def answer(provider: PollinationsAI, call: Call) -> list[ProviderEvent]:
    async with aclosing(provider.stream(call)) as events:
        return [event async for event in events]


async def refused(provider: PollinationsAI, call: Call) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await answer(provider, call)
    assert KEY not in f"{caught.value!r} {caught.value.message}"
    return caught.value


# --- chats ---


async def test_a_chat_goes_to_the_one_host_with_the_key() -> None:
    async with at([head(), chunked(EVENTS), END], [reply(json.dumps(COMPLETION).encode())]) as (
        peer,
        provider,
    ):
        said = [Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=2)]
        assert await answer(provider, chat()) == ["Hé", " ж😀", *said]
        assert await answer(provider, chat(stream=False)) == ["Hé ж😀", *said]
    for request in peer.requests:
        assert (request.method, request.path) == ("POST", "/v1/chat/completions")
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.json["model"] == "m"


@pytest.mark.parametrize("call", [chat(), picture()])
@pytest.mark.parametrize(
    ("status", "told"), [(401, 502), (402, 502), (403, 502), (429, 429), (500, 502), (400, 400), (504, 504)]
)
async def test_refusals(call: Call, status: int, told: int) -> None:
    words = {"error": {"message": f"no, {KEY}: pay at http://127.0.0.1"}}
    async with at([reply(json.dumps(words).encode(), status=status)]) as (_, provider):
        assert (await refused(provider, call)).status == told


# --- images ---


def query(peer: Peer, index: int = 0) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(peer.requests[index].path).query).items()}


async def test_an_image_is_what_its_address_says() -> None:
    prompt = "a fox & 50% more/less? #1 ж"
    async with at([reply(JPEG, type="image/jpeg; charset=x")]) as (peer, provider):
        made = await answer(provider, picture(prompt=prompt, width=640, height=480, seed=7))
    assert made == [Image(data=JPEG, type="image/jpeg")]
    request = peer.requests[0]
    assert request.method == "GET"
    assert unquote(urlsplit(request.path).path.removeprefix("/image/")) == prompt
    assert urlsplit(request.path).path.count("/") == 2
    wanted = {"model": "flux", "seed": "7", "width": "640", "height": "480", "private": "true", "nologo": "true"}
    assert query(peer) == wanted
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in request.path


@pytest.mark.parametrize("seed", [None, 41])
async def test_several_images_have_several_seeds(seed: int | None) -> None:
    async with at([reply(JPEG, type="image/jpeg")]) as (peer, provider):
        assert len(await answer(provider, picture(n=3, seed=seed))) == 3
    seeds = [int(query(peer, index)["seed"]) for index in range(3)]
    assert len(set(seeds)) == 3
    assert seed is None or seeds == [41, 42, 43]
    assert "width" not in query(peer)


@pytest.mark.parametrize(
    "placeholder",
    [
        reply(JPEG, "x-error-type: moderation", type="image/jpeg"),
        reply(b"{}", type="application/json"),
        reply(b"\0\0", type="video/mp4"),
        reply(b"", type=""),
    ],
)
async def test_what_is_no_image_is_an_error(placeholder: bytes) -> None:
    async with at([placeholder]) as (_, provider):
        assert (await refused(provider, picture())).code == "provider_not_working"


async def test_a_prompt_too_long_for_an_address_is_refused_and_not_cut() -> None:
    async with at([reply(JPEG, type="image/jpeg")]) as (peer, provider):
        error = await refused(provider, picture(prompt="ж" * 1000))
        assert (error.status, error.param, error.code) == (400, "prompt", "string_above_max_length")
        await answer(provider, picture(prompt="x" * 3000))
    assert len(peer.requests) == 1


async def test_a_format_that_was_asked_for_is_kept() -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.new("RGB", (8, 4), "red").save(file, "PNG")
    png = file.getvalue()
    async with at([reply(png, type="image/png")], [reply(png[:40], type="image/png")]) as (_, provider):
        asked = picture(output_format="jpeg", body={"output_format": "jpeg"})
        (made,) = await answer(provider, asked)
        assert isinstance(made, Image)
        assert made.type == "image/jpeg"
        with image.open(io.BytesIO(made.data or b"")) as opened:
            assert (opened.format, opened.size) == ("JPEG", (8, 4))
        assert (await refused(provider, asked)).code == "provider_not_working"


async def test_a_format_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.pollinations.find_spec", lambda name: None)
    async with at([reply(JPEG, type="image/jpeg")]) as (_, provider):
        error = await refused(provider, picture(output_format="webp", body={"output_format": "webp"}))
    assert (error.status, error.param) == (400, "output_format")


async def test_a_client_that_leaves_ends_the_request() -> None:
    async with at([Act.HANG]) as (peer, provider), anyio.create_task_group() as tasks:
        tasks.start_soon(answer, provider, picture())
        with anyio.fail_after(5):
            while not peer.requests:
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True), anyio.fail_after(5):
            await peer.gone.wait()


# --- sound ---


async def test_speech_is_asked_for_in_its_words() -> None:
    asked: dict[str, Any] = {"input": "hi", "voice": "rachel", "instructions": "slowly", "speed": 0.5}
    call = SpeechCall(provider="PollinationsAI", model="elevenlabs", input="hi", voice="rachel", body=asked)
    async with at([head(type="audio/mpeg"), chunked(b"ID3 sound", 4), END]) as (peer, provider):
        said = await answer(provider, call)
    assert b"".join(piece for piece in said if isinstance(piece, bytes)) == b"ID3 sound"
    assert peer.requests[0].path == "/v1/audio/speech"
    assert peer.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert peer.requests[0].json == {
        "model": "elevenlabs", "input": "hi", "voice": "rachel", "instruct": "slowly", "speed": 0.5,
    }  # fmt: skip


async def test_a_recording_is_written_down_and_not_translated() -> None:
    file = FormFile(name="file", filename="a.wav", content_type="audio/wav", data=b"RIFF sound")
    call = TranscriptionCall(provider="PollinationsAI", model="whisper", file=file, language="de")
    async with at([reply(b'{"text":"Guten Tag."}')]) as (peer, provider):
        said = await answer(provider, call)
        assert (await refused(provider, replace(call, translate=True))).status == 400
    assert "Guten Tag." in repr(said)
    assert [request.path for request in peer.requests] == ["/v1/audio/transcriptions"]
    assert b"RIFF sound" in peer.requests[0].body


# --- models ---

TEXT = [
    {"name": "openai", "aliases": ["gpt-5-nano"], "input_modalities": ["text", "image"], "output_modalities": ["text"]},
    {"name": "openai-audio", "input_modalities": ["text", "audio"], "output_modalities": ["audio", "text"]},
    {"name": "plain"},
]
IMAGES: list[Any] = [
    "turbo",
    {"name": "flux", "output_modalities": ["image"]},
    {"name": "veo", "output_modalities": ["video"]},
]
AUDIO = [
    {"name": "elevenlabs", "voices": ["rachel"], "output_modalities": ["audio"]},
    {"name": "whisper", "input_modalities": ["audio"], "output_modalities": ["text"]},
    {"name": "openai-audio", "output_modalities": ["audio"]},
]


def lists(*documents: object) -> list[list[Step]]:
    return [[reply(json.dumps(document).encode())] for document in documents]


async def test_the_three_lists_are_one() -> None:
    async with at(*lists(TEXT, IMAGES, AUDIO)) as (peer, provider):
        models = await provider.models()
    assert [request.path for request in peer.requests] == ["/text/models", "/image/models", "/audio/models"]
    assert {model.id: (sorted(model.kinds), model.vision, model.listed) for model in models} == {
        "openai": (["chat"], True, True),
        "gpt-5-nano": (["chat"], True, False),
        "openai-audio": (["chat", "speech"], False, True),
        "plain": (["chat"], False, True),
        "turbo": (["image"], False, True),
        "flux": (["image"], False, True),
        "elevenlabs": (["speech"], False, True),
        "whisper": (["transcription"], False, True),
    }


async def test_the_operator_may_choose_among_them() -> None:
    async with at(*lists(TEXT, IMAGES, AUDIO), models=("flux", "mine")) as (_, provider):
        models = await provider.models()
    assert [(model.id, sorted(model.kinds)) for model in models] == [("flux", ["image"]), ("mine", ["chat"])]


@pytest.mark.parametrize("document", [{"error": "x"}, "text", [7], [{"aliases": []}], [{"name": 7}], None])
async def test_a_list_that_cannot_be_read(document: object) -> None:
    async with at(*lists(document)) as (_, provider):
        with pytest.raises(ApiError) as caught:
            await provider.models()
    assert caught.value.code == "provider_not_working"


async def test_keys_are_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with at([reply(b"", status=401)]) as (_, provider):
        await refused(provider, picture())
        await refused(provider, chat())
        assert KEY not in f"{provider!r} {provider.info!r} {vars(provider)!r}"
    assert not [record for record in caplog.records if KEY in record.getMessage()]
