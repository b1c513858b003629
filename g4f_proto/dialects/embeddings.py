# The embeddings dialect: vectors as lists of numbers or as base64, and the reader of an upstream's reply.
#
# Base64 holds little-endian 32-bit floats, which is what openai-python and openai-node ask for unless told otherwise.
# A vector is brought to 32 bits before it is written in either form, so both say exactly the same.
# https://platform.openai.com/docs/api-reference/embeddings/object
from __future__ import annotations

import json
import struct
from array import array
from binascii import a2b_base64, b2a_base64
from math import isfinite

from .._calls import EmbeddingCall
from .._capabilities import check
from .._catalog import Choice
from .._errors import ProviderNotWorking
from .._events import Embedding, ProviderEvent, Usage
from .._schema import validate
from .._schema.embeddings import EmbeddingRequest
from .._text import quoted
from . import Asked, Encoder, Reading, first_able

__all__ = ("EmbeddingReply", "read_embedding_request", "read_embeddings")


def read_embedding_request(asked: Asked) -> Reading:
    """A request's body as the call it demands and the encoder of its reply.

    :raises ApiError: with the status the client shall see.
    """
    document = asked.document
    request = validate(EmbeddingRequest, document)
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider, "embedding")

    def read(choice: Choice) -> Reading:
        check(choice, {"proxy": document.get("proxy")})
        call = EmbeddingCall(
            provider=choice.provider.name,
            model=choice.model,
            principal=asked.principal,
            timeout=request.timeout,
            inputs=request.inputs,
            dimensions=request.dimensions,
            body=document,
        )
        return Reading(call, EmbeddingReply(call, request.model, base64=request.encoding_format == "base64"))

    return first_able(choices, read)


class EmbeddingReply(Encoder):
    """One list of vectors, in the inputs' order; each is written as it comes, so that none waits for all.

    :param model: the name the client asked for, if it named one.
    """

    def __init__(self, call: EmbeddingCall, model: str | None, *, base64: bool) -> None:
        self._written = [b""] * len(call.inputs)
        self._model = model or call.model
        self._base64 = base64
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._usage

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Embedding):
            self._written[event.index] = b'{"object":"embedding","index":%d,"embedding":%b}' % (
                event.index,
                self._vector(array("f", event.vector)),
            )
        elif isinstance(event, Usage):
            self._usage = event
        return b""

    def end(self) -> bytes:
        if not all(self._written):
            raise ProviderNotWorking("The provider made fewer vectors than there are inputs.")
        tokens = 0 if self.usage is None else self.usage.prompt_tokens
        return b'{"object":"list","data":[%b],"model":%b,"usage":{"prompt_tokens":%d,"total_tokens":%d}}' % (
            b",".join(self._written),
            quoted(self._model),
            tokens,
            tokens,
        )

    def _vector(self, vector: array[float]) -> bytes:
        if not self._base64:
            return json.dumps(vector.tolist(), separators=(",", ":"), allow_nan=False).encode("ascii")
        return b'"%b"' % b2a_base64(struct.pack(f"<{len(vector)}f", *vector), newline=False)


def read_embeddings(body: bytes, *, count: int) -> tuple[ProviderEvent, ...]:
    """An upstream's reply, in either form, as what it says: `count` vectors, and the usage if it tells.

    :raises ProviderNotWorking: it is none, or has not one vector for each input.
    """
    try:
        document = json.loads(body)
        vectors = {
            entry.get("index", position): _read_vector(entry["embedding"])
            for position, entry in enumerate(document["data"])
        }
        if vectors.keys() != set(range(count)) or len(document["data"]) != count:
            raise ValueError("not one vector for each input")
        events: list[ProviderEvent] = [Embedding(index=index, vector=vectors[index]) for index in range(count)]
        usage = document.get("usage") or {}
        if isinstance(tokens := usage.get("prompt_tokens"), int):
            events.append(Usage(prompt_tokens=tokens, completion_tokens=0))
    except (ValueError, struct.error, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderNotWorking("The provider's embeddings could not be read.") from None
    return tuple(events)


def _read_vector(given: str | list[float]) -> array[float]:
    if isinstance(given, str):
        packed = a2b_base64(given, strict_mode=True)
        vector = array("f", struct.unpack(f"<{len(packed) // 4}f", packed))
    else:
        vector = array("f", given)
    if not vector or not all(map(isfinite, vector)):
        raise ValueError("not a vector")
    return vector
