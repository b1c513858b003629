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
    :param request: what the provider shall answer, validated and typed: the client's request, less what is emulated.
    :param body: the same as JSON, unknown fields included, for providers that pass it on.
    :param copies: how many answers are asked for, each made by itself; events of all but the first are `ForChoice`.
    :param principal: who asks: a digest of the key, empty where none is wanted.
    :param conversation: the id under which the history is kept, if the client gave one.
    :param prompts: what a legacy completion continues; the copies share them evenly, one prompt after the other.
    """

    provider: str
    model: str
    request: ChatRequest
    body: Mapping[str, JsonValue]
    copies: int = 1
    principal: str = ""
    conversation: str | None = None
    prompts: tuple[str, ...] = ()

    @property
    def timeout(self) -> float | None:
        """Seconds this call may take, if the client said so."""
        return self.request.timeout


Call = ChatCall  # the union grows with the endpoints
