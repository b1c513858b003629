# What must be done: the machine's demand on the world outside, complete and checked.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from ._schema.chat import ChatRequest

__all__ = ("Call", "ChatCall")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """Answer a chat.

    :param provider: the name of the provider that shall answer.
    :param model: that provider's own name for the model, options included.
    :param request: the request, validated and typed.
    :param body: the request as the client sent it, unknown fields included, for providers that pass it on.
    """

    provider: str
    model: str
    request: ChatRequest
    body: Mapping[str, JsonValue]

    @property
    def timeout(self) -> float | None:
        """Seconds this call may take, if the client said so."""
        return self.request.timeout


Call = ChatCall  # the union grows with the endpoints
