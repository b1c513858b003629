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
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from importlib.util import find_spec
from typing import Final
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
from pydantic import JsonValue, SecretStr

from g4f_proto import (
    Call,
    Image,
    ImageCall,
    InvalidRequest,
    Kind,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotFound,
    ProviderNotWorking,
    UnsupportedParameter,
)

from .upstream import EVERYTHING, OpenAICompatible, Upstream, errors
from .upstream.link import headers_of
from .upstream.pool import Pool
from .upstream.transport import Request, Transport

__all__ = ("PollinationsAI",)

log = logging.getLogger("g4f.providers")

_URL: Final = "https://gen.pollinations.ai"
_LISTS: Final[Mapping[str, Kind]] = {"/text/models": "chat", "/image/models": "image", "/audio/models": "speech"}
_LONGEST: Final = 4000  #: characters of an image's path; addresses over 4096 are not answered
_LIST_TIMEOUT: Final = 10.0
_IMAGE_TIMEOUT: Final = 300.0


class PollinationsAI:
    """Pollinations.

    :param key: the operator's; without one nothing is asked of anybody.
    """

    def __init__(self, *, key: SecretStr | None = None, base_url: str = _URL) -> None:
        self._upstream = Upstream(
            name="PollinationsAI",
            label="Pollinations AI",
            url="https://pollinations.ai",
            base_url=f"{base_url}/v1",
            key=key,
            native=EVERYTHING,
            default_model="openai-fast",
        )
        self._base_url = base_url
        self._parts: tuple[OpenAICompatible, Transport] | None = None

    @property
    def info(self) -> ProviderInfo:
        upstream = self._upstream
        return ProviderInfo(
            name=upstream.name,
            label=upstream.label,
            default_model=upstream.default_model,
            url=upstream.url,
            description="Text, images and speech by pollinations.ai",
            auth=True,
            native=upstream.native,
            remote=True,
            working=upstream.key is not None,
        )

    async def models(self) -> Sequence[Model]:
        if self._upstream.key is None:
            return ()
        found: dict[str, Model] = {}
        for path, kind in _LISTS.items():
            _, body = await self._get(path, _LIST_TIMEOUT)
            for model in _read_list(body, kind):
                known = found.get(model.id)
                found[model.id] = replace(known, kinds=known.kinds | model.kinds) if known else model
        return tuple(found.values())

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        if self._upstream.key is None:
            raise ProviderNotFound(
                "The provider 'PollinationsAI' is not set up: the operator of this server sets POLLINATIONS_API_KEY.",
                param="provider",
            )
        if isinstance(call, ImageCall):
            seed = secrets.randbelow(2**31) if call.seed is None else call.seed
            for index in range(call.n):
                yield await self._image(call, seed + index)
            return
        async with aclosing(self._made[0].stream(call)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        if self._parts is not None:
            for part in self._parts:
                await part.aclose()

    @property
    def _made(self) -> tuple[OpenAICompatible, Transport]:
        # Made when they are needed: certificates take their time to load.
        if self._parts is None:
            self._parts = (
                OpenAICompatible(self._upstream),
                Pool(self._base_url, connect=self._upstream.timeouts.connect),
            )
        return self._parts

    async def _image(self, call: ImageCall, seed: int) -> Image:
        headers, data = await self._get(_path(call, seed), _IMAGE_TIMEOUT)
        media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if b"x-error-type" in headers or not media_type.startswith("image/"):
            raise ProviderNotWorking("The provider made no image.")
        # A format that nobody asked for by name is the provider's choice.
        if call.body.get("output_format") and media_type != f"image/{call.output_format}":
            data = await anyio.to_thread.run_sync(_repack, data, media_type, call.output_format)
            media_type = f"image/{call.output_format}"
        return Image(data=data, type=media_type)

    async def _get(self, path: str, seconds: float) -> tuple[Mapping[bytes, bytes], bytes]:
        deadline = anyio.current_time() + seconds
        request = Request("GET", path, headers_of(self._upstream))
        reply = await self._made[1].send(request, deadline=deadline)
        try:
            body = await reply.read(deadline=deadline)
        finally:
            await reply.aclose()
        if reply.status != 200:
            assert self._upstream.key is not None
            log.warning("PollinationsAI answered with status %d", reply.status)
            secret = self._upstream.key.get_secret_value()
            raise errors.refused(reply.status, reply.headers, body, secrets=(secret, self._base_url))
        return reply.headers, body


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
