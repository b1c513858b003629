# A client's request for a message, as the chat it is: results of tools become turns of their own, thoughts the
# `reasoning_content` of theirs. Fields of Anthropic's that a chat has no word for go along for a provider that has.
from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import JsonValue

from ..._capabilities import check
from ..._catalog import Choice
from ..._errors import InvalidRequest, UnsupportedParameter
from ..._schema import validate
from ..._schema.chat import ChatRequest, consistent
from ..._schema.messages import (
    CountRequest,
    DocumentBlock,
    MessageRequest,
    RedactedBlock,
    ResultBlock,
    Shown,
    TextBlock,
    ThinkingBlock,
    Turn,
    UseBlock,
)
from ..._schema.parts import FilePart, ImagePart
from .. import Asked, Reading, first_able
from ..chat.request import Held, chat_reading, check_part, few_images
from .stream import MessageReply, MessageStream

__all__ = ("read_messages", "told")

Json = dict[str, JsonValue]

#: Fields that change the answer and that nothing here can honour -> the values that ask for nothing, beside null.
_REFUSED: Final[dict[str, tuple[JsonValue, ...]]] = {
    "container": (),
    "context_management": (),
    "diagnostics": (),
    "inference_geo": (),
    "mcp_servers": ([],),
    "speed": ("standard",),
}
#: Blocks that only one of the two says.
_WHOSE: Final = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_TIERS: Final = {"auto": "auto", "standard_only": "default"}


def read_messages(asked: Asked) -> Reading:
    """The call a request for a message demands.

    :raises ApiError: with the status the client shall see.
    """
    document = asked.document
    request = validate(MessageRequest, document)
    for name, neutral in _REFUSED.items():
        if document.get(name) is not None and document[name] not in neutral:
            raise UnsupportedParameter(f"Unsupported parameter: '{name}' is not supported here.", param=name)
    held: list[Held] = []
    body = _chat(request, held)
    chat = validate(ChatRequest, body)
    consistent(chat)
    few_images(chat, "messages")
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider)
    return first_able(choices, partial(_read, asked, request, chat, body, held))


def _read(
    asked: Asked, request: MessageRequest, chat: ChatRequest, body: Json, held: Sequence[Held], choice: Choice
) -> Reading:
    check(choice, body, counting=asked.api.counter is not None)
    if request.top_k is not None and "top_k" not in choice.provider.native:
        raise UnsupportedParameter(
            f"Unsupported parameter: 'top_k' is not supported with the model '{choice.model}'.", param="top_k"
        )
    for part in held:
        check_part(part, choice, asked.api.limits.images)
    reply = MessageStream if request.stream else MessageReply
    return chat_reading(
        asked, choice, chat, body, lambda call: reply(id=asked.id, call=call, thoughts=request.shows_thoughts)
    )


def _chat(request: MessageRequest, held: list[Held]) -> Json:
    body: Json = {"max_tokens": request.max_tokens, "stream": bool(request.stream)}
    given: Json = {
        "model": request.model,
        "stop": [*request.stop_sequences] if request.stop_sequences else None,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "user": request.metadata.user_id if request.metadata else None,
        "service_tier": _TIERS[request.service_tier] if request.service_tier else None,
        "reasoning_effort": _effort(request),
        "proxy": request.proxy,
    }
    return body | {name: value for name, value in given.items() if value is not None} | told(request, held)


def told(request: CountRequest, held: list[Held]) -> Json:
    """What the model is shown, as fields of a chat.

    :param held: takes the parts that hold more than words.
    """
    messages: list[JsonValue] = []
    if request.system:
        messages.append({"role": "system", "content": _content(request.system)})
    for position, turn in enumerate(request.messages):
        messages += _turns(turn, f"messages[{position}].content", held)
    found: Json = {"messages": messages}
    if request.output_config and request.output_config.format:
        schema: Json = {"name": "answer", "schema": request.output_config.format.schema_}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found | _tools(request)


def _effort(request: MessageRequest) -> str | None:
    """How hard to think, as a chat asks it; None: as the model likes."""
    effort = request.output_config.effort if request.output_config else None
    if effort is not None:
        return "xhigh" if effort == "max" else effort
    if request.thinking is None or request.thinking.type == "adaptive":
        return None
    if request.thinking.type == "disabled":
        return "none"
    budget = request.thinking.budget_tokens
    return "low" if budget < 4096 else "medium" if budget < 16384 else "high"


def _tools(request: CountRequest) -> Json:
    tools: list[JsonValue] = []
    for tool in request.tools or ():
        function: Json = {"name": tool.name, "parameters": tool.input_schema}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.strict is not None:
            function["strict"] = tool.strict
        tools.append({"type": "function", "function": function, **_hint(tool.cache_control)})
    found: Json = {"tools": tools} if tools else {}
    choice = request.tool_choice
    if choice is not None:
        named: Json = {"type": "function", "function": {"name": choice.name}} if choice.type == "tool" else {}
        found["tool_choice"] = named or _CHOICES[choice.type]
        if choice.disable_parallel_tool_use:
            found["parallel_tool_calls"] = False
    return found


def _turns(turn: Turn, where: str, held: list[Held]) -> list[JsonValue]:
    """A turn as those of a chat: one, and one for each result of a tool, in their order."""
    if isinstance(turn.content, str):
        return [{"role": turn.role, "content": turn.content}]
    turns: list[JsonValue] = []
    parts: list[JsonValue] = []
    calls: list[JsonValue] = []
    thoughts: list[str] = []
    for index, block in enumerate(turn.content):
        path = f"{where}[{index}]"
        if _WHOSE.get(block.type, turn.role) != turn.role:
            raise InvalidRequest(
                f"Invalid '{path}': a turn of the role '{turn.role}' has no '{block.type}' blocks.",
                param=path,
                code="invalid_value",
            )
        if isinstance(block, ResultBlock):
            if parts:
                turns.append({"role": turn.role, "content": parts})
                parts = []
            turns.append(_result(block, path, held))
        elif isinstance(block, UseBlock):
            function: Json = {"name": block.name, "arguments": json.dumps(block.input)}
            calls.append({"id": block.id, "type": "function", "function": function})
        elif isinstance(block, ThinkingBlock):
            thoughts.append(block.thinking)
        elif not isinstance(block, RedactedBlock):
            parts.append(_part(block, path, held))
    if parts or calls or thoughts or not turns:
        last: Json = {"role": turn.role, "content": parts or None if turn.role == "assistant" else parts}
        if calls:
            last["tool_calls"] = calls
        if thoughts:
            last["reasoning_content"] = "".join(thoughts)
        turns.append(last)
    return turns


def _result(block: ResultBlock, path: str, held: list[Held]) -> Json:
    content = block.content or ""
    if not isinstance(content, str):
        parts: list[JsonValue] = [_part(part, f"{path}.content[{index}]", held) for index, part in enumerate(content)]
        result: Json = {"role": "tool", "tool_call_id": block.tool_use_id, "content": parts}
    else:
        result = {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}
    return result | ({"is_error": True} if block.is_error else {}) | _hint(block.cache_control)


def _part(block: Shown, path: str, held: list[Held]) -> Json:
    hint = _hint(block.cache_control)
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text, **hint}
    source = block.source
    if source.type == "url":
        url, inside = source.url, f"{path}.source.url"
    else:
        data = b64encode(source.data.encode("utf-8", "replace")).decode() if source.type == "text" else source.data
        url, inside = f"data:{source.media_type};base64,{data}", f"{path}.source.data"
    if isinstance(block, DocumentBlock):
        file: Json = {"filename": block.title or "document", "file_data": url}
        held.append(Held(FilePart.model_validate({"type": "file", "file": file}), path, inside))
        return {"type": "file", "file": file, **hint}
    image: Json = {"url": url}
    held.append(Held(ImagePart.model_validate({"type": "image_url", "image_url": image}), path, inside))
    return {"type": "image_url", "image_url": image, **hint}


def _content(said: str | Sequence[TextBlock]) -> JsonValue:
    if isinstance(said, str):
        return said
    return [{"type": "text", "text": block.text, **_hint(block.cache_control)} for block in said]


def _hint(cache_control: Json | None) -> Json:
    return {"cache_control": cache_control} if cache_control else {}
