# The body of POST /v1/embeddings, typed; the limits are those of CreateEmbeddingRequest.
# https://platform.openai.com/docs/api-reference/embeddings/create
from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, JsonValue
from pydantic_core import PydanticKnownError

from .chat import Name
from .tools import Strict

__all__ = ("EmbeddingRequest",)

_MOST: Final = 2048  # "any array must be 2048 dimensions or less"

Text = Annotated[str, Field(min_length=1)]  # "cannot be an empty string"
Token = Annotated[int, Field(ge=0, le=2**31 - 1)]
Tokens = Annotated[list[Token], Field(min_length=1, fail_fast=True)]


def _not_longer(value: JsonValue) -> JsonValue:
    # Before the forms are tried: a list that is too long is none of them, and each would complain of the others' items.
    if isinstance(value, list) and len(value) > _MOST:
        context = {"field_type": "List", "max_length": _MOST, "actual_length": len(value)}
        raise PydanticKnownError("too_long", context)
    return value


class EmbeddingRequest(Strict):
    """Texts, or sequences of token ids, that a vector is asked of; one of either may stand alone."""

    input: Annotated[
        Text
        | Annotated[list[Text], Field(min_length=1, max_length=_MOST, fail_fast=True)]
        | Annotated[Tokens, Field(max_length=_MOST)]
        | Annotated[list[Tokens], Field(min_length=1, max_length=_MOST, fail_fast=True)],
        BeforeValidator(_not_longer),
    ]
    model: Name | None = None
    provider: Name | None = None
    encoding_format: Literal["float", "base64"] | None = None
    #: The longest vectors of models in use have as many; 2048 of them as JSON are 180 MB.
    dimensions: Annotated[int, Field(ge=1, le=4096)] | None = None
    user: str | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None

    @property
    def inputs(self) -> tuple[str | tuple[int, ...], ...]:
        """Each text and each sequence of ids."""
        given = [self.input] if isinstance(self.input, str) or isinstance(self.input[0], int) else self.input
        return tuple(one if isinstance(one, str) else tuple(one) for one in given)
