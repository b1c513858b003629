# Anthropic's Messages API, both directions: `stream` writes what `reader` reads; `request` is what a client
# asks, `upstream` what we ask.
# https://docs.claude.com/en/api/messages
from __future__ import annotations

from .errors import message_error
from .reader import MessageStreamReader, read_message
from .request import read_messages
from .stream import MessageReply, MessageStream
from .tokens import count_message
from .upstream import MESSAGE_PARAMETERS, ask_message

__all__ = (
    "MESSAGE_PARAMETERS",
    "MessageReply",
    "MessageStream",
    "MessageStreamReader",
    "ask_message",
    "count_message",
    "message_error",
    "read_message",
    "read_messages",
)
