# The images dialect: a prompt in, images out, as addresses or as base64.
#
# The reply is OpenAI's ImagesResponse, one JSON document at the end. An address on this server is told in full, because
# the client has only the reply; one that an upstream gave is passed on as it is.
# https://platform.openai.com/docs/api-reference/images/object
from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from .._calls import ImageCall
from .._catalog import Choice
from .._errors import InvalidRequest, ProviderNotWorking, UnsupportedParameter
from .._events import Image, ProviderEvent, Usage
from .._images import is_remote
from .._schema import validate
from .._schema.images import ImageRequest
from .._text import quoted
from . import Asked, Encoder, Reading, first_able

__all__ = ("ImagesReply", "read_images", "read_images_request")

#: Parameter -> the values that ask for nothing beyond what every provider does; others need a provider that honours it.
_NEUTRAL: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "quality": (None, "auto", "standard"),
    "style": (None, "vivid"),
    "background": (None, "auto", "opaque"),
    "moderation": (None, "auto", "low"),
    "output_compression": (None, 100),
    "partial_images": (None, 0),
    "stream": (None, False),
    "seed": (None,),
    "negative_prompt": (None, ""),
    "aspect_ratio": (None, ""),
    "num_inference_steps": (None,),
    "guidance_scale": (None,),
    "proxy": (None, ""),
}
_FORMATS: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
#: The first bytes of a file -> its media type. https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
_MAGIC: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def read_images_request(asked: Asked) -> Reading:
    """A request's body as the call it demands and the encoder of its reply.

    :raises ApiError: with the status the client shall see.
    """
    document = asked.document
    request = validate(ImageRequest, document)
    shape, kind = request.shape, request.output_format or "png"
    if kind == "png" and request.output_compression not in (None, 100):
        raise InvalidRequest(
            "'output_compression' is only allowed when 'output_format' is 'jpeg' or 'webp'.",
            param="output_compression",
            code="invalid_value",
        )
    # "This parameter isn't supported for the GPT image models, which always return base64-encoded images." Their
    # clients name no format and read `b64_json`; everybody else's default is `url`.
    usual = "b64_json" if (request.model or "").startswith(("gpt-image", "chatgpt-image")) else "url"
    store = (request.response_format or usual) == "url"

    def make(choice: Choice) -> Reading:
        _check(choice, document)
        call = ImageCall(
            provider=choice.provider.name,
            model=choice.model,
            principal=asked.principal,
            timeout=request.timeout,
            prompt=request.prompt,
            n=request.n or 1,
            width=shape[0],
            height=shape[1],
            output_format=kind,
            seed=request.seed,
            store=store,
            body=document,
        )
        return Reading(call, ImagesReply(call, created=asked.created, base=asked.base))

    provider = asked.route.provider or request.provider
    return first_able(asked.api.catalog.resolve(request.model, provider, "image"), make)


def _check(choice: Choice, document: Mapping[str, JsonValue]) -> None:
    for name, neutral in _NEUTRAL.items():
        if document.get(name) not in neutral and name not in choice.provider.native:
            raise UnsupportedParameter(
                f"Unsupported parameter: '{name}' is not supported with the model '{choice.model}' "
                f"of the provider '{choice.provider.name}'.",
                param=name,
            )


class ImagesReply(Encoder):
    """One ImagesResponse at the end.

    :param base: where the client reaches this server, ``https://api.example.com``.
    """

    def __init__(self, call: ImageCall, *, created: int, base: str) -> None:
        self._call = call
        self._created = created
        self._base = base
        self._entries: list[bytes] = []
        self._format: str = call.output_format
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Image):
            self._entries.append(self._entry(event))
            ours = event.url is None or event.url.startswith("/")  # of an image elsewhere, the type is not known
            if ours and event.type in _FORMATS:  # where none was named, the provider chose
                self._format = _FORMATS[event.type]
        elif isinstance(event, Usage):
            self._usage = event
        return b""

    def end(self) -> bytes:
        call = self._call
        size = b',"size":"%dx%d"' % (call.width, call.height) if call.width and call.height else b""
        return b'{"created":%d,"data":[%b],"output_format":"%b"%b%b}' % (
            self._created,
            b",".join(self._entries),
            self._format.encode("ascii"),
            size,
            b"" if self._usage is None else b',"usage":' + _usage(self._usage),
        )

    def _entry(self, image: Image) -> bytes:
        # What was asked for where it is there, and else what is: the driver sees to it that it is.
        data = None if image.data is None else b64encode(image.data)
        if image.url is not None and (self._call.store or data is None):
            fields = b'"url":' + quoted(self._base + image.url if image.url.startswith("/") else image.url)
        elif self._call.store:
            fields = b'"url":"data:%b;base64,%b"' % (image.type.encode("ascii"), data or b"")
        else:
            fields = b'"b64_json":"%b"' % (data or b"")
        if image.revised_prompt is not None:
            fields += b',"revised_prompt":' + quoted(image.revised_prompt)
        return b"{" + fields + b"}"


def _usage(usage: Usage) -> bytes:
    counts = (usage.prompt_tokens, usage.prompt_tokens, usage.completion_tokens)
    return (
        b'{"input_tokens":%d,"input_tokens_details":{"image_tokens":0,"text_tokens":%d},"output_tokens":%d,' % counts
        + b'"total_tokens":%d}' % (usage.prompt_tokens + usage.completion_tokens)
    )


def read_images(body: bytes) -> tuple[ProviderEvent, ...]:
    """An upstream's ImagesResponse as events.

    :raises ProviderNotWorking: it is none, or an error, or has an image that is neither data nor an http address.
    """
    try:
        document = json.loads(body)
        if document.get("error"):
            raise ProviderNotWorking("The provider answered with an error.")
        events: list[ProviderEvent] = [_image(entry) for entry in document["data"]]
        usage = document.get("usage")
        if isinstance(usage, dict):
            counts = [usage.get(name) for name in ("input_tokens", "output_tokens")]
            prompt, made = (count if type(count) is int and 0 <= count < 2**63 else 0 for count in counts)
            events.append(Usage(prompt_tokens=prompt, completion_tokens=made))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderNotWorking("The provider's images could not be read.") from None
    return tuple(events)


def _image(entry: Mapping[str, JsonValue]) -> Image:
    revised, url, data = entry.get("revised_prompt"), entry.get("url"), entry.get("b64_json")
    if isinstance(url, str) and url.startswith("data:") and not data:
        data = url.partition(",")[2]
    prompt = revised if isinstance(revised, str) else None
    if isinstance(data, str) and data:
        raw = b64decode(data, validate=True)
        return Image(data=raw, type=_type(raw), revised_prompt=prompt)
    if not isinstance(url, str) or not is_remote(url):
        raise ValueError("no image")
    return Image(url=url, revised_prompt=prompt)


def _type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "application/octet-stream")
