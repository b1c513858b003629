# Everything but chats: embeddings, images, speech, transcripts. One request, one reply, read by its dialect.
from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

import anyio
from pydantic import JsonValue

from g4f_proto import (
    EmbeddingCall,
    Image,
    ImageCall,
    ProviderEvent,
    ProviderNotWorking,
    SpeechCall,
    TranscriptionCall,
    read_embeddings,
    read_images,
    read_transcription,
)

from .bodies import own_body, packed
from .link import Link

__all__ = ("embed", "paint", "speak", "write_down")


async def embed(link: Link, call: EmbeddingCall) -> AsyncGenerator[ProviderEvent, None]:
    """Vectors; the client's own `encoding_format` is asked for, whatever it is."""
    body = own_body(call.body, call.model, link.upstream)
    document = await _document(link, "/embeddings", body, call.model, call.body)
    for event in read_embeddings(document, count=len(call.inputs)):
        yield event


async def paint(link: Link, call: ImageCall) -> AsyncGenerator[ProviderEvent, None]:
    """Images, as addresses or data, as the upstream likes to give them.

    One on the upstream's own host is fetched: clients may not get there, and its host is nobody's business.
    """
    body = own_body(call.body, call.model, link.upstream)
    for ours in ("width", "height", "stream", "partial_images"):
        body.pop(ours, None)
    if call.width and call.height:
        body["size"] = f"{call.width}x{call.height}"
    document = await _document(link, "/images/generations", body, call.model, call.body)
    for event in read_images(document):
        if isinstance(event, Image) and event.url is not None and link.owns(event.url):
            kind, data = await link.fetch(event.url, seconds=link.upstream.timeouts.between)
            event = replace(event, url=None, data=data, type=kind or event.type)
        yield event


async def _document(
    link: Link, endpoint: str, body: Mapping[str, JsonValue], model: str, asked: Mapping[str, JsonValue]
) -> bytes:
    reply = await link.post(endpoint, packed(body), model=model, asked=asked)
    async with aclosing(reply):
        return _checked(link, await reply.read())


def _checked(link: Link, document: bytes) -> bytes:
    """The document, unless it is an error object.

    :raises ApiError: it is one.
    """
    if b'"error"' in document[:1000]:
        error = _error(document)
        if error:
            raise link.reported(error)
    return document


def _error(document: bytes) -> JsonValue:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return found.get("error") if isinstance(found, dict) else None


async def speak(link: Link, call: SpeechCall) -> AsyncGenerator[ProviderEvent, None]:
    """The sound as it is made: bare, whatever form the client wants it in."""
    timeouts = link.upstream.timeouts
    body = own_body(call.body, call.model, link.upstream)
    body.pop("stream_format", None)
    deadline = anyio.current_time() + timeouts.first
    reply = await link.post("/audio/speech", packed(body), model=call.model, asked=call.body, deadline=deadline)
    async with aclosing(reply):
        if reply.headers.get(b"content-type", b"").startswith((b"application/json", b"text/")):
            _checked(link, await reply.read(deadline=deadline))
            raise ProviderNotWorking("The provider made no sound.")
        while sound := await reply.receive(deadline=deadline):
            yield sound
            deadline = anyio.current_time() + timeouts.between


async def write_down(link: Link, call: TranscriptionCall) -> AsyncGenerator[ProviderEvent, None]:
    """A transcript with its times, of the models that tell them."""
    fields = [("model", call.model)]
    if call.language and not call.translate:
        fields.append(("language", call.language))
    if call.prompt:
        fields.append(("prompt", call.prompt))
    if call.temperature:
        fields.append(("temperature", f"{call.temperature:g}"))
    # "For gpt-4o-transcribe and gpt-4o-mini-transcribe, the only supported format is json."
    fields.append(("response_format", "json" if call.model.startswith("gpt-") and not call.words else "verbose_json"))
    if call.words:
        fields += [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")]
    boundary = secrets.token_hex(16)
    endpoint = "/audio/translations" if call.translate else "/audio/transcriptions"
    form = _form(boundary, fields, call)
    media_type = f"multipart/form-data; boundary={boundary}"
    reply = await link.post(endpoint, form, model=call.model, asked=call.body, type=media_type)
    async with aclosing(reply):
        for event in read_transcription(_checked(link, await reply.read())):
            yield event


def _form(boundary: str, fields: list[tuple[str, str]], call: TranscriptionCall) -> bytes:
    """RFC 7578; in names and file names quotes and line ends are written as browsers write them.

    https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    """
    name = call.file.filename or "audio"
    for letter, written in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22")):
        name = name.replace(letter, written)
    begin = f"--{boundary}\r\ncontent-disposition: form-data; name="
    parts = [f'{begin}"{field}"\r\n\r\n{value}\r\n' for field, value in fields]
    parts += [
        f'{begin}"file"; filename="{name}"\r\n',
        f"content-type: {call.file.content_type or 'application/octet-stream'}\r\n\r\n",
    ]
    return "".join(parts).encode("utf-8", "replace") + call.file.data + f"\r\n--{boundary}--\r\n".encode("ascii")
