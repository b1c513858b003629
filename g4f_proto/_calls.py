# What must be done: the machine's demand on the world outside, complete and checked.
#
# One class an endpoint. What all of them have says who shall answer and for whom; the rest is what the provider needs,
# in plain types, and `body` the client's own request where an upstream may take it as it is.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from ._multipart import FormFile
from ._schema.chat import ChatRequest

__all__ = (
    "Call",
    "ChatCall",
    "CookiesCall",
    "EmbeddingCall",
    "ImageCall",
    "MediaCall",
    "SpeechCall",
    "TranscriptionCall",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What every call has.

    :param provider: the name of the provider that shall answer; empty: none, the server itself keeps what is asked for.
    :param model: that provider's own name for the model, options included.
    :param principal: who asks: a digest of the key, empty where none is wanted.
    :param timeout: seconds this call may take, if the client said so.
    :param id: the answer's id, unique.
    """

    provider: str = ""
    model: str = ""
    principal: str = ""
    timeout: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall(_Call):
    """Answer a chat.

    :param request: what the provider shall answer, validated and typed: the client's request, less what is emulated.
    :param body: the same as JSON, unknown fields included, for providers that pass it on.
    :param copies: how many answers are asked for, each made by itself; events of all but the first are `ForChoice`.
    :param conversation: the id under which the history is kept, if the client gave one.
    :param prompts: what a legacy completion continues; the copies share them evenly, one prompt after the other.
    """

    request: ChatRequest
    body: Mapping[str, JsonValue]
    copies: int = 1
    conversation: str | None = None
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCall(_Call):
    """Make images; the provider says one `Image` for each.

    :param width: pixels; 0: as the provider likes, and so is `height`.
    :param store: the client wants addresses: images that come as data are put where they can be fetched.
    """

    prompt: str
    n: int = 1
    width: int = 0
    height: int = 0
    output_format: Literal["png", "jpeg", "webp"] = "png"
    seed: int | None = None
    store: bool = True
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechCall(_Call):
    """Speak a text; the provider says `bytes`, the sound in that format as it is made.

    :param speed: 1 is the voice's own.
    """

    input: str
    voice: str
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float = 1.0
    instructions: str = ""
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionCall(_Call):
    """Write down what is said in a recording; the provider says `Heard`, then `Segment` after `Segment`.

    :param language: ISO 639-1; None: the provider finds out.
    :param words: each segment shall tell its words' times.
    :param translate: write it down in English, whatever is spoken.
    :param body: the fields of the client's own form.
    """

    file: FormFile
    language: str | None = None
    prompt: str = ""
    temperature: float = 0.0
    words: bool = False
    translate: bool = False
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCall(_Call):
    """Make a vector of each input; the provider says one `Embedding` for each.

    :param inputs: texts, or sequences of token ids.
    :param dimensions: length of the vectors; None: the model's own.
    """

    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaCall(_Call):
    """Give back a stored file: `File`, then its `bytes` as far as the conditions ask for them.

    :param name: the file's name, as the path has it.
    :param headers: the request's header fields: conditions and ranges.
    """

    name: str
    method: Literal["GET", "HEAD"]
    headers: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class CookiesCall(_Call):
    """Keep these files of cookies; the provider says one `Stored` for each."""

    files: tuple[FormFile, ...]


Call = ChatCall | ImageCall | SpeechCall | TranscriptionCall | EmbeddingCall | MediaCall | CookiesCall
