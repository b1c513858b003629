# Everything but chats: what is asked of an upstream, and what its reply says.
from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from g4f_proto import (
    ApiError,
    ChatCall,
    ChatRequest,
    CookiesCall,
    Embedding,
    EmbeddingCall,
    Finish,
    ForChoice,
    FormFile,
    FormReader,
    Heard,
    Image,
    ImageCall,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderNotWorking,
    RateLimited,
    Segment,
    SpeechCall,
    TranscriptionCall,
    Usage,
)
from providers.upstream import OpenAICompatible
from providers.upstream.kinds import with_kind
from tests.providers.upstream.peer import END, KEY, Act, Peer, Step, chunked, head, reply, serving

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n....."


async def answer(peer: Peer, call: Any, **upstream: Any) -> list[ProviderEvent]:
    provider = OpenAICompatible(peer.upstream(**upstream))
    try:
        return [event async for event in provider.stream(call)]
    finally:
        await provider.aclose()


def document(value: object) -> list[Step]:
    return [reply(json.dumps(value).encode())]


EMBEDDING = EmbeddingCall(
    provider="Mine", model="m", inputs=("a", "b"), body={"model": "x", "input": ["a", "b"], "provider": "Mine", "y": 1}
)


async def test_embeddings() -> None:
    data = [{"index": 1, "embedding": [3.0]}, {"index": 0, "embedding": "AAAAPw=="}]
    async with serving(document({"data": data, "usage": {"prompt_tokens": 4}})) as peer:
        found = await answer(peer, EMBEDDING)
        assert [(event.index, list(event.vector)) for event in found if isinstance(event, Embedding)] == [
            (0, [0.5]),
            (1, [3.0]),
        ]
        assert found[2] == Usage(prompt_tokens=4, completion_tokens=0)
        assert peer.requests[0].path == "/v1/embeddings"
        assert peer.requests[0].json == {"model": "m", "input": ["a", "b"], "y": 1}


async def test_images() -> None:
    data = [{"b64_json": "iVBORw0KGgouLi4uLg==", "revised_prompt": "p"}, {"url": "https://x/i.png"}]
    body = {"prompt": "a cat", "width": 512, "height": 256, "quality": "hd", "timeout": 9}
    call = ImageCall(provider="Mine", model="dall-e-3", prompt="a cat", n=2, width=512, height=256, body=body)
    async with serving(document({"created": 1, "data": data})) as peer:
        assert await answer(peer, call) == [
            Image(data=PNG, type="image/png", revised_prompt="p"),
            Image(url="https://x/i.png"),
        ]
        assert peer.requests[0].path == "/v1/images/generations"
        assert peer.requests[0].json == {"model": "dall-e-3", "prompt": "a cat", "size": "512x256", "quality": "hd"}


async def test_an_image_on_the_upstreams_own_host_is_fetched() -> None:
    async with serving([]) as other:
        scripts: list[list[Step]] = [[], [reply(PNG, type="image/png; x=y")], [reply(b"", status=404)]]
        async with serving(*scripts) as peer:
            url = f"http://127.0.0.1:{peer.port}/media/i.png?x=1"
            elsewhere = f"http://127.0.0.1:{other.port}/i.png"
            scripts[0][:] = document({"data": [{"url": url, "revised_prompt": "p"}, {"url": elsewhere}]})
            assert await answer(peer, IMAGE, key=SecretStr(KEY)) == [
                Image(data=PNG, type="image/png", revised_prompt="p"),
                Image(url=elsewhere),
            ]
            assert peer.requests[1].path == "/media/i.png?x=1"
            assert peer.requests[1].headers["authorization"] == f"Bearer {KEY}"
            assert other.requests == []


SPEAK: Any = {"input": "hi", "voice": "alloy", "stream_format": "sse"}
SPEECH = SpeechCall(provider="Mine", model="tts-1", input="hi", voice="alloy", body=SPEAK)


async def test_speech_as_it_is_made() -> None:
    async with serving([head(type="audio/mpeg"), chunked(b"abc"), 0.05, chunked(b"\x00def"), END]) as peer:
        sound = await answer(peer, SPEECH)
        assert all(type(piece) is bytes for piece in sound)
        assert b"".join(sound) == b"abc\x00def"  # type: ignore[arg-type]
        assert len(sound) == 2
        assert peer.requests[0].path == "/v1/audio/speech"
        assert peer.requests[0].json == {"model": "tts-1", "input": "hi", "voice": "alloy"}


def recording(**fields: Any) -> TranscriptionCall:
    file = FormFile(name="file", filename='a"b\r\n.wav', content_type="audio/wav", data=b"RIFF\r\n--x\x00")
    return TranscriptionCall(**{"provider": "Mine", "model": "whisper-1", "file": file, **fields})


async def test_a_transcript_by_the_proxy_that_the_request_names() -> None:
    async with serving(document({"text": "Hi."})) as peer:
        with pytest.raises(InvalidRequest, match="proxy"):
            await answer(peer, recording(body={"proxy": "ftp://x"}), any_proxy=True)
        assert not peer.requests


async def test_transcripts() -> None:
    verbose = {
        "text": "Hi there.",
        "language": "english",
        "duration": 2.0,
        "segments": [{"start": 0.0, "end": 2.0, "text": " Hi there."}],
    }
    async with serving(document(verbose)) as peer:
        heard, segment = await answer(peer, recording(language="en", prompt="é", temperature=0.5, words=True))
        assert isinstance(heard, Heard)
        assert isinstance(segment, Segment)
        assert (heard.duration, segment.text.strip(), segment.end) == (2.0, "Hi there.", 2.0)
        request = peer.requests[0]
        assert request.path == "/v1/audio/transcriptions"
        reader = FormReader(request.headers["content-type"].encode())
        reader.feed(request.body)
        form = reader.end()
        assert {name: list(values) for name, values in form.fields.items()} == {
            "model": ["whisper-1"],
            "language": ["en"],
            "prompt": ["é"],
            "temperature": ["0.5"],
            "response_format": ["verbose_json"],
            "timestamp_granularities[]": ["word", "segment"],
        }
        (file,) = form.files
        assert (file.name, file.content_type, file.data) == ("file", "audio/wav", b"RIFF\r\n--x\x00")
        await answer(peer, recording(translate=True, language="de"))
        assert peer.requests[1].path == "/v1/audio/translations"
        assert b'"language"' not in peer.requests[1].body


async def test_a_transcript_without_times() -> None:
    async with serving(
        document({"text": "Hi.", "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 1}})
    ) as peer:
        assert await answer(peer, recording(model="gpt-4o-transcribe")) == [
            "Hi.",
            Usage(prompt_tokens=3, completion_tokens=1),
        ]
        assert b"verbose" not in peer.requests[0].body


IMAGE = ImageCall(provider="Mine", model="m", prompt="x")


@pytest.mark.parametrize("call", [EMBEDDING, IMAGE, SPEECH, recording()], ids=lambda call: type(call).__name__)
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([reply(b'{"error":{"message":"m","code":"c"}}', status=400)], InvalidRequest),
        ([reply(b"{}", status=500)], ProviderNotWorking),
        ([reply(b'{"error":{"message":"slow down","code":429}}')], RateLimited),
        ([reply(b"<html>", type="text/html")], ProviderNotWorking),
        ([reply(b"[1]")], ProviderNotWorking),
        ([reply(b'{"data":[{}]}')], ProviderNotWorking),
        ([reply(b'{"data":[]}')[:-1], Act.CLOSE], ProviderNotWorking),
        ([reply(b"[" * 100_000)], ProviderNotWorking),
    ],
    ids=["400", "500", "an error with 200", "a page", "a list", "nothing", "cut", "deep"],
)
async def test_what_goes_wrong(call: Any, script: list[Step], kind: type[ApiError]) -> None:
    async with serving(script) as peer:
        with pytest.raises(kind) as caught:
            await answer(peer, call)
    assert type(caught.value) is kind


async def test_files_are_not_kept() -> None:
    async with serving([]) as peer:
        with pytest.raises(InvalidRequest):
            await answer(peer, CookiesCall(provider="Mine", files=()))


def prompts(*texts: str, **fields: Any) -> ChatCall:
    body = {"messages": [{"role": "user", "content": texts[0]}], "n": len(texts), "max_tokens": 5, **fields}
    return ChatCall(
        provider="Mine", model="m", request=ChatRequest.model_validate(body), body=body, prompts=tuple(texts)
    )


async def test_completions_where_there_are_some() -> None:
    choices = [{"index": 0, "text": "b", "finish_reason": "stop"}, {"index": 1, "text": "d", "finish_reason": "length"}]
    async with serving(document({"object": "text_completion", "choices": choices})) as peer:
        assert await answer(peer, prompts("a", "c"), completions=True) == [
            "b",
            Finish(reason="stop"),
            ForChoice(index=1, event="d"),
            ForChoice(index=1, event=Finish(reason="length")),
        ]
        assert peer.requests[0].path == "/v1/completions"
        assert peer.requests[0].json == {"model": "m", "prompt": ["a", "c"], "n": 1, "max_tokens": 5}
    chunks = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, "text": text, "finish_reason": reason}]}).encode() + b"\n\n"
        for text, reason in (("b", None), ("c", None), ("", "stop"))
    )
    async with serving([head(), chunked(chunks), END]) as peer:
        assert await answer(peer, prompts("a", stream=True), completions=True) == ["b", "c", Finish(reason="stop")]
        assert peer.requests[0].json["stream_options"] == {"include_usage": True}


async def test_completions_as_chats() -> None:
    def said(text: str) -> list[Step]:
        choices = [{"index": i, "message": {"content": f"{text}{i}"}, "finish_reason": "stop"} for i in range(2)]
        return document({"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 2}})

    async with serving(said("b"), said("d")) as peer:
        found = await answer(peer, prompts("a", "c", n=4))
        texts = [event.event if isinstance(event, ForChoice) else event for event in found]
        assert [text for text in texts if isinstance(text, str)] == ["b0", "b1", "d0", "d1"]
        assert [event.index for event in found if isinstance(event, ForChoice)] == [1, 1, 2, 2, 3, 3]
        assert found[-1] == Usage(prompt_tokens=2, completion_tokens=4)
        assert [request.json["messages"][0]["content"] for request in peer.requests] == ["a", "c"]
        assert [request.json["n"] for request in peer.requests] == [2, 2]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gpt-4o", "chat"),
        ("text-embedding-3-small", "embedding"),
        ("BAAI/bge-m3", "embedding"),
        ("nomic-embed-text:latest", "embedding"),
        ("whisper-large-v3-turbo", "transcription"),
        ("gpt-4o-mini-transcribe", "transcription"),
        ("tts-1-hd", "speech"),
        ("gpt-4o-mini-tts", "speech"),
        ("dall-e-3", "image"),
        ("black-forest-labs/FLUX.1-schnell", "image"),
        ("gpt-image-1", "image"),
        ("gemini-2.5-flash", "chat"),
    ],
)
async def test_kinds_by_name(name: str, kind: str) -> None:
    assert with_kind(Model(id=name, owned_by="")).kinds == {kind}
    assert with_kind(Model(id=name, owned_by="", kinds=frozenset({"speech"}))).kinds == {"speech"}
