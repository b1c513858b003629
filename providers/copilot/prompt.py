# A chat as the one text that Copilot takes: it has no roles, so they are written down.
#
# A single question stays what it is. Anything longer becomes a transcript in the order of the messages, instructions
# included, and nothing is left out or added but the names of the roles: what does not fit is the service's to refuse.
# A user can write "Assistant:" into a message; who may speak with which authority cannot be enforced in plain text.
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from g4f_proto import Message

__all__ = ("flatten",)

_NAMES: Final = {
    "system": "System",
    "developer": "System",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool",
    "function": "Tool",
}


def flatten(messages: Sequence[Message]) -> str:
    """The chat as one text that ends where the assistant is to go on."""
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].text
    return "\n\n".join([*map(_turn, messages), "Assistant:"])


def _turn(message: Message) -> str:
    name = _NAMES[message.role] + (f" ({message.name})" if message.name else "")
    calls = [f"{call.function.name}({call.function.arguments})" for call in message.tool_calls or ()]
    if message.function_call:
        calls.append(f"{message.function_call.name}({message.function_call.arguments})")
    return f"{name}: " + "\n".join(filter(None, [message.text, *calls]))
