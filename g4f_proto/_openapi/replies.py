# What everything but chats is answered with, as models: for the API's description, and for the tests that hold the
# encoders to it.
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, RootModel

from .._catalog import Kind
from .._schema.audio import TranscriptionRequest
from .chats import Reply, absent

__all__ = (
    "CookieForm",
    "CookieResults",
    "Embeddings",
    "ErrorBody",
    "Health",
    "Images",
    "MessageErrorBody",
    "ModelEntry",
    "ModelList",
    "ProviderCard",
    "ProviderList",
    "TranscriptionForm",
    "Transcripts",
)


class ErrorObject(Reply):
    """What went wrong: a sentence for people, the kind and a stable name for programs, and the field it is about."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Reply):
    """Every refusal and every failure."""

    error: ErrorObject


class MessageErrorObject(Reply):
    """What went wrong, in Anthropic's words."""

    type: str
    message: str


class MessageErrorBody(Reply):
    """A refusal or a failure in Anthropic's shape."""

    type: Literal["error"]
    error: MessageErrorObject


class EmbeddingEntry(Reply):
    """The vector of one input: numbers, or little-endian 32-bit floats as base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Reply):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Reply):
    """A vector for each input, in their order."""

    object: Literal["list"]
    data: list[EmbeddingEntry]
    model: str
    usage: EmbeddingUsage


class ImageEntry(Reply):
    """An image: an address, or its file as base64. `revised_prompt` is there if something else was painted."""

    url: str = absent()
    b64_json: str = absent()
    revised_prompt: str = absent()


class Images(Reply):
    """The images that were made."""

    created: int
    data: list[ImageEntry]
    output_format: str
    size: str = absent()
    usage: dict[str, JsonValue] = absent()


class ListedModel(Reply):
    """A name that can stand in `model`; `provider`: it stands for what that provider answers with by default."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    image: bool
    vision: bool
    kinds: list[Kind]
    provider: bool


class ModelEntry(ListedModel):
    """One model."""


class ModelList(Reply):
    """Models, aliases and providers."""

    object: Literal["list"]
    data: list[ListedModel]


class ListedProvider(Reply):
    """A provider and what it serves."""

    provider: str
    models: list[str]
    image_models: list[str]
    vision_models: list[str]
    url: str
    working: bool
    auth: bool


class ProviderCard(ListedProvider):
    """All that is to be told of a provider."""

    stream: bool
    description: str


class ProviderList(Reply):
    """The providers, in the operator's order."""

    object: Literal["list"]
    data: list[ListedProvider]


class Health(Reply):
    """The server is up."""

    status: Literal["ok"]


Binary = Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class CookieForm(Reply):
    """Browsers' exports of cookies and HAR files."""

    files: Annotated[list[Binary], Field(min_length=1)]


class CookieResult(Reply):
    """What became of one file; `error` says why it was not kept."""

    filename: str
    error: str = absent()


class CookieResults(RootModel[list[CookieResult]]):
    """One result for each file; when none is kept it is a 422."""


class TranscriptionForm(TranscriptionRequest):
    """A recording, and how it shall be written down."""

    file: Binary


class Transcript(Reply):
    """What is said."""

    text: str
    usage: dict[str, JsonValue] = absent()


class Word(Reply):
    """A spoken word, and from which second to which."""

    word: str
    start: float
    end: float


class Segment(Reply):
    """A stretch of speech, from which second to which; `seek` in hundredths of a second."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class VerboseTranscript(Transcript):
    """With `verbose_json`: what is said, and when."""

    task: Literal["transcribe", "translate"]
    language: str
    duration: float
    segments: list[Segment] = absent()
    words: list[Word] = absent()


class Transcripts(RootModel[Transcript | VerboseTranscript]):
    """What is said, and with `verbose_json` when."""
