# How long a request for a message is. "Token count should be considered an estimate", says the API of its own; here it
# is the count that usage has where a provider tells none. https://docs.claude.com/en/api/messages-count-tokens
from __future__ import annotations

from ..._errors import UnknownUrl
from ..._schema import validate
from ..._schema.chat import ChatRequest, consistent
from ..._schema.messages import CountRequest
from ..._tokens import prompt_tokens
from .. import Asked
from .request import told

__all__ = ("count_message",)


def count_message(asked: Asked) -> bytes:
    """``{"input_tokens": 9}``.

    :raises ApiError: the request is none, nobody serves its model, or nobody here can count.
    """
    request = validate(CountRequest, asked.document)
    chat = validate(ChatRequest, told(request, []))
    consistent(chat)
    asked.api.catalog.resolve(request.model, asked.route.provider or request.provider)
    if asked.api.counter is None:
        raise UnknownUrl("This server counts no tokens.")
    return b'{"input_tokens":%d}' % prompt_tokens(chat, (), asked.api.counter)
