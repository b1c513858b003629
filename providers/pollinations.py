# Pollinations: chats, speech and transcripts the way of OpenAI, images by the address of their prompt, models in three
# lists.
#
# Everything goes to one host, with the operator's key. The older hosts that answer without one are never asked: a key
# that strays there is answered with a notice in place of an answer. Images of one request are asked for one after the
# other, each with a seed of its own, because the same seed gives the same image and each is paid for.
# https://enter.pollinations.ai
from __future__ import annotations

import io
import json
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from importlib.util import find_spec
from typing import Final
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
from pydantic import JsonValue

from g4f_proto import (
    Call,
    Image,
    ImageCall,
    InvalidRequest,
    Kind,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    TranscriptionCall,
    UnsupportedParameter,
)

from .upstream import OpenAICompatible, Upstream
from .upstream.kinds import with_kind
from .upstream.link import Link

__all__ = ("PollinationsAI",)

_LISTS: Final[Mapping[str, Kind]] = {"/text/models": "chat", "/image/models": "image", "/audio/models": "speech"}
_LONGEST: Final = 4000  #: characters of an image's path; addresses over 4096 are not answered
_LIST_TIMEOUT: Final = 10.0
_IMAGE_TIMEOUT: Final = 300.0


class PollinationsAI:
    """Pollinations.

    :param upstream: the host that everything is asked of, and the key.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._link = Link(upstream)
        self._openai = OpenAICompatible(replace(upstream, base_url=f"{upstream.base_url}/v1"))
        self.info = ProviderInfo(
            name=upstream.name,
            label=upstream.label,
            default_model=upstream.default_model,
            url=upstream.url,
            description="Text, images and speech by pollinations.ai",
            auth=True,
            native=self._openai.info.native,
            remote=True,
        )

    async def models(self) -> Sequence[Model]:
        found: dict[str, Model] = {}
        for path, kind in _LISTS.items():
            _, body = await self._get(path, {}, _LIST_TIMEOUT)
            for model in _read_list(body, kind):
                known = found.get(model.id)
                found[model.id] = replace(known, kinds=known.kinds | model.kinds) if known else model
        wanted = self._link.upstream.models or found
        return tuple(found.get(name) or with_kind(Model(id=name, owned_by="")) for name in wanted)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        if isinstance(call, ImageCall):
            seed = secrets.randbelow(2**31) if call.seed is None else call.seed
            for index in range(call.n):
                yield await self._image(call, seed + index)
            return
        if isinstance(call, TranscriptionCall) and call.translate:
            raise UnsupportedParameter(
                "The provider 'PollinationsAI' writes down what is said and translates nothing.", param="model"
            )
        async with aclosing(self._openai.stream(call)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        await self._link.aclose()
        await self._openai.aclose()

    async def _image(self, call: ImageCall, seed: int) -> Image:
        headers, data = await self._get(_path(call, seed), call.body, _IMAGE_TIMEOUT)
        media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if b"x-error-type" in headers or not media_type.startswith("image/"):
            raise ProviderNotWorking("The provider made no image.")
        # A format that nobody asked for by name is the provider's choice.
        if call.body.get("output_format") and media_type != f"image/{call.output_format}":
            data = await anyio.to_thread.run_sync(_repack, data, media_type, call.output_format)
            media_type = f"image/{call.output_format}"
        return Image(data=data, type=media_type)

    async def _get(
        self, path: str, asked: Mapping[str, JsonValue], seconds: float
    ) -> tuple[Mapping[bytes, bytes], bytes]:
        deadline = anyio.current_time() + seconds
        async with aclosing(await self._link.get(path, asked=asked, deadline=deadline)) as reply:
            return reply.headers, await reply.read(deadline=deadline)


def _path(call: ImageCall, seed: int) -> str:
    query: dict[str, str | int] = {"model": call.model, "seed": seed, "private": "true", "nologo": "true"}
    query |= {name: size for name, size in (("width", call.width), ("height", call.height)) if size}
    path = f"/image/{quote(call.prompt, safe='')}?{urlencode(query)}"
    if len(path) > _LONGEST:
        raise InvalidRequest(
            f"The prompt is too long for the provider 'PollinationsAI': in an address it has {len(path)} characters, "
            f"and {_LONGEST} at most.",
            param="prompt",
            code="string_above_max_length",
        )
    return path


def _repack(data: bytes, media_type: str, wanted: str) -> bytes:
    """An image in another format; blocks."""
    if find_spec("PIL") is None:
        raise UnsupportedParameter(
            f"The provider 'PollinationsAI' made an {media_type}; turning it into another format needs a package that "
            "is not on this server: pip install 'g4f-proto[images]'",
            param="output_format",
        )
    import PIL.Image

    packed = io.BytesIO()
    try:
        with PIL.Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            picture.convert("RGB").save(packed, wanted)
    except Exception:  # whatever a decoder raises at a stranger's bytes
        raise ProviderNotWorking("The provider's image could not be read.") from None
    return packed.getvalue()


def _read_list(body: bytes, kind: Kind) -> Iterator[Model]:
    """The models of one list, under all their names; a name that is only another one is not listed."""
    try:
        entries = json.loads(body)
        if not isinstance(entries, list):
            raise TypeError("no list")
        for entry in entries:
            fields: Mapping[str, JsonValue] = {"name": entry} if isinstance(entry, str) else entry
            reads, makes = (_words(fields, f"{way}_modalities") for way in ("input", "output"))
            kinds = _kinds(kind, makes)
            if not kinds:  # of videos
                continue
            vision = "chat" in kinds and "image" in reads
            for name in (fields["name"], *_words(fields, "aliases")):
                if not isinstance(name, str):
                    raise TypeError("name")
                yield Model(id=name, owned_by="", kinds=kinds, vision=vision, listed=name == fields["name"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderNotWorking("The provider's list of models could not be read.") from None


def _kinds(kind: Kind, makes: Sequence[str]) -> frozenset[Kind]:
    if not makes or kind == "chat":
        return frozenset({kind})
    if kind == "image":
        return frozenset({kind} if "image" in makes else ())
    spoken: set[Kind] = {"speech"} if "audio" in makes else set()
    return frozenset(spoken | {"transcription"} if "text" in makes else spoken)


def _words(fields: Mapping[str, JsonValue], name: str) -> list[str]:
    value = fields.get(name)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
