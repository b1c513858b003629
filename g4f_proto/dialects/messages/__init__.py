# Anthropic's Messages API, both directions: `stream` writes what `reader` reads; `request` is what a client
# asks, `upstream` what we ask.
# https://docs.claude.com/en/api/messages
from __future__ import annotations

from .reader import MessageStreamReader, read_message
from .stream import MessageReply, MessageStream
from .upstream import MESSAGE_PARAMETERS, ask_message

__all__ = ("MESSAGE_PARAMETERS", "MessageReply", "MessageStream", "MessageStreamReader", "ask_message", "read_message")
