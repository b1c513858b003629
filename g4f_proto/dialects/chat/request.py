# A client's chat request: bytes in, the call it demands and the encoder of its reply out.
from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import JsonValue

from ..._calls import ChatCall
from ..._capabilities import check
from ..._catalog import Choice
from ..._emulation import emulate
from ..._errors import InvalidRequest, UnsupportedParameter
from ..._images import ImageLimits, is_remote, read_data_uri
from ..._schema import validate
from ..._schema.chat import ChatRequest, Message, consistent
from ..._schema.parts import AudioPart, FilePart, ImagePart, Part
from .. import Asked, Encoder, Reading, first_able
from .reply import ChatReply
from .stream import ChatStream

__all__ = ("Held", "chat_reading", "check_part", "few_images", "read_request")

_MOST_IMAGES: Final = 100  # each may claim many pixels, and a body has room for hundreds of thousands of small ones
#: Where in a part what it holds is.
_INSIDE: Final = {"image_url": "image_url.url", "input_audio": "input_audio.data", "file": "file.file_data"}
_NO_CONTENT: Final = frozenset({"assistant", "function"})  # roles whose content may be null or missing


@dataclass(frozen=True, slots=True)
class Held:
    """A part of a message, its path in the request, and the path of what it holds: for errors."""

    part: Part
    where: str
    inside: str


def read_request(asked: Asked) -> Reading:
    """A request's body as the call it demands, the encoder of its reply and what is emulated between the two.

    :raises ApiError: with the status the client shall see.
    """
    api, route = asked.api, asked.route
    document = asked.document
    conversation = route.conversation  # what the path names wins over the body, the provider too
    request = validate(ChatRequest, document if conversation is None else {**document, "conversation_id": conversation})
    consistent(request)
    few_images(request, "messages")
    choices = api.catalog.resolve(request.model, route.provider or request.provider)
    return first_able(choices, partial(_read, asked, request, document))


def _read(asked: Asked, request: ChatRequest, document: dict[str, JsonValue], choice: Choice) -> Reading:
    check(choice, document, counting=asked.api.counter is not None)
    for position, message in enumerate(request.messages):
        _check_message(message, position, document, choice, asked.api.limits.images)
    reply = ChatStream if request.stream else ChatReply

    def encoder(call: ChatCall) -> Encoder:
        return reply(id=asked.id, created=asked.created, call=call, fingerprint=asked.api.fingerprint)

    return chat_reading(asked, choice, request, document, encoder)


def chat_reading(
    asked: Asked,
    choice: Choice,
    request: ChatRequest,
    body: Mapping[str, JsonValue],
    encoder: Callable[[ChatCall], Encoder],
) -> Reading:
    """What a chat demands of the provider that was chosen, in whatever API it was asked for.

    :param body: `request` as JSON.
    :param encoder: makes the encoder of the answer.
    :raises UnsupportedParameter: two parameters cannot be had together.
    """
    call = ChatCall(
        provider=choice.provider.name,
        model=choice.model,
        principal=asked.principal,
        timeout=request.timeout,
        id=asked.id,
        request=request,
        body=body,
        conversation=request.conversation_id or None,  # "" asks for none, as null does
    )
    writes = encoder(call)
    call, emulation = emulate(call, choice.provider, id=asked.id, counter=asked.api.counter)
    return Reading(call, writes, emulation)


def few_images(request: ChatRequest, param: str) -> None:
    """Refuse more images than a chat may have.

    :raises InvalidRequest: naming `param`.
    """
    if sum(len(turn.image_urls) for turn in request.messages if not isinstance(turn.content, str)) > _MOST_IMAGES:
        raise InvalidRequest(f"A chat has at most {_MOST_IMAGES} images.", param=param, code="too_many_images")


def _check_message(
    message: Message, position: int, document: Mapping[str, JsonValue], choice: Choice, limits: ImageLimits
) -> None:
    content = message.content
    if isinstance(content, str):
        return
    where = f"messages[{position}].content"
    if content is None:
        if message.role in _NO_CONTENT:
            return
        given = document["messages"]
        missing = isinstance(given, list) and "content" not in (given[position] or {})  # type: ignore[operator]
        if missing:
            raise InvalidRequest(
                f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter"
            )
        raise InvalidRequest(
            f"Invalid type for '{where}': expected a string or an array, but got null instead.",
            param=where,
            code="invalid_type",
        )
    for index, part in enumerate(content):
        path = f"{where}[{index}]"
        check_part(Held(part, path, f"{path}.{_INSIDE.get(part.type)}"), choice, limits)


def check_part(held: Held, choice: Choice, limits: ImageLimits) -> None:
    """Refuse a part that the chosen provider cannot take, or that does not hold what it says.

    :raises InvalidRequest: naming the part, or what it holds.
    """
    part, where, inside, native = held.part, held.where, held.inside, choice.provider.native
    if isinstance(part, ImagePart) and "vision" in native:
        if not is_remote(part.image_url.url):
            read_data_uri(part.image_url.url, param=inside, limits=limits)
        elif "remote_images" not in native:
            raise UnsupportedParameter(
                f"The model '{choice.model}' takes images as data URIs only: this server fetches none.", param=inside
            )
    elif isinstance(part, AudioPart) and "audio" in native:
        try:
            a2b_base64(part.input_audio.data, strict_mode=True)
        except ValueError:
            raise InvalidRequest(f"Invalid '{inside}': it is not base64.", param=inside, code="invalid_value") from None
    elif isinstance(part, FilePart) and "files" in native:
        if not (part.file.file_data or part.file.file_id):
            raise InvalidRequest(
                f"Missing required parameter: '{inside}'.", param=inside, code="missing_required_parameter"
            )
    elif isinstance(part, ImagePart | AudioPart | FilePart):
        raise UnsupportedParameter(
            f"Invalid content type: the model '{choice.model}' takes no '{part.type}' parts.", param=where
        )
