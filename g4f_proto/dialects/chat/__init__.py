# Chat completions, both directions: `stream` and `reply` write what `reader` reads; `request` is what a client asks.
# https://platform.openai.com/docs/api-reference/chat
from __future__ import annotations

from .reader import ChatStreamReader, CompletionStreamReader, read_completion_reply, read_reply
from .reply import ChatReply
from .request import read_request
from .stream import ChatStream

__all__ = (
    "ChatReply",
    "ChatStream",
    "ChatStreamReader",
    "CompletionStreamReader",
    "read_completion_reply",
    "read_reply",
    "read_request",
)
