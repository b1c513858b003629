# A client's request for a response, as the chat it is: a message and the calls behind it are one turn of the assistant,
# thoughts the `reasoning_content` of theirs.
#
# No response is kept, so none can be gone on with; a `conversation` can, and the whole history can be sent. What a
# response repeats of its request is what was done: `store` is false whatever was asked. Encrypted thoughts may be asked
# for, as clients of servers without a memory do: the thoughts are told as they are, and taken back.
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import JsonValue

from ..._capabilities import check
from ..._catalog import Choice
from ..._errors import UnsupportedParameter
from ..._schema import parts as chat_parts
from ..._schema import validate
from ..._schema.chat import ChatRequest, consistent
from ..._schema.responses import (
    CallItem,
    Content,
    ImagePart,
    MessageItem,
    OutputItem,
    ReasoningItem,
    RefusalPart,
    ResponseRequest,
    SchemaFormat,
    SoundPart,
    TextPart,
)
from .. import Asked, Reading, first_able
from ..chat.request import Held, chat_reading, check_part, few_images
from .stream import ResponseReply, ResponseStream

__all__ = ("read_responses",)

Json = dict[str, JsonValue]

#: Fields that change the answer and that nothing here can honour -> the values that ask for nothing, beside null.
_REFUSED: Final[dict[str, tuple[JsonValue, ...]]] = {
    "background": (False,),
    "context_management": ([],),
    "max_tool_calls": (),
    "moderation": (),
    "previous_response_id": (),
    "prompt": (),
    "truncation": ("disabled",),
}
#: Fields that a chat has under the same name.
_SAME: Final = (
    "model", "temperature", "top_p", "parallel_tool_calls", "metadata", "service_tier", "user", "safety_identifier",
    "prompt_cache_key", "proxy", "timeout",
)  # fmt: skip


def read_responses(asked: Asked) -> Reading:
    """The call a request for a response demands.

    :raises ApiError: with the status the client shall see.
    """
    document = _typed(asked.document)
    for name, neutral in _REFUSED.items():
        if document.get(name) is not None and document[name] not in neutral:
            raise UnsupportedParameter(f"Unsupported parameter: '{name}' is not supported here.", param=name)
    request = validate(ResponseRequest, document)
    held: list[Held] = []
    body = _chat(request, document, held)
    chat = validate(ChatRequest, body)
    consistent(chat)
    few_images(chat, "input")
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider)
    return first_able(choices, partial(_read, asked, chat, body, held, _echo(request, document)))


def _read(asked: Asked, chat: ChatRequest, body: Json, held: Sequence[Held], echo: Json, choice: Choice) -> Reading:
    check(choice, body, counting=asked.api.counter is not None)
    for part in held:
        check_part(part, choice, asked.api.limits.images)
    reply = ResponseStream if chat.stream else ResponseReply
    return chat_reading(
        asked, choice, chat, body, lambda call: reply(id=asked.id, created=asked.created, call=call, echo=echo)
    )


def _typed(document: Json) -> Json:
    """The same, each item of its input with a type: a message may be without."""
    items = document.get("input")
    if not isinstance(items, list):
        return document
    typed: list[JsonValue] = [
        {"type": "message", **item} if isinstance(item, dict) and "role" in item else item for item in items
    ]
    return {**document, "input": typed}


def _echo(request: ResponseRequest, document: Json) -> Json:
    """What a response repeats of its request, with what holds where nothing was asked."""
    conversation = request.conversation_id
    return {
        "background": False,
        "conversation": {"id": conversation} if conversation else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": None,
        "metadata": document.get("metadata") or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": document.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": request.service_tier or "auto",
        "store": False,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"}, **_object(document, "text")},
        "tool_choice": document.get("tool_choice") or "auto",
        "tools": document.get("tools") or [],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "truncation": "disabled",
        "user": request.user,
    }


def _object(document: Json, name: str) -> Json:
    value = document.get(name)
    return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else {}


def _chat(request: ResponseRequest, document: Json, held: list[Held]) -> Json:
    body: Json = {"messages": _messages(request, held), "stream": bool(request.stream)}
    body |= {name: document[name] for name in _SAME if document.get(name) is not None}
    text, reasoning = request.text, request.reasoning
    scores = "message.output_text.logprobs" in (request.include or ())
    given: Json = {
        "max_completion_tokens": request.max_output_tokens,
        "reasoning_effort": reasoning.effort if reasoning else None,
        "verbosity": text.verbosity if text else None,
        "conversation_id": request.conversation_id,
        "logprobs": scores or None,
        "top_logprobs": request.top_logprobs or None,
    }
    body |= {name: value for name, value in given.items() if value is not None}
    if text and text.format:
        form = text.format.model_dump(by_alias=True, exclude_none=True, mode="json")
        if isinstance(text.format, SchemaFormat):
            form = {"type": form.pop("type"), "json_schema": form}
        body["response_format"] = form
    return body | _tools(request)


def _tools(request: ResponseRequest) -> Json:
    found: Json = {}
    if request.tools:
        found["tools"] = [
            {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True, mode="json")}
            for tool in request.tools
        ]
    choice = request.tool_choice
    if choice is None or isinstance(choice, str):
        return found | ({} if choice is None else {"tool_choice": choice})
    if choice.type == "function":
        return found | {"tool_choice": _named(choice.name)}
    allowed: Json = {"mode": choice.mode, "tools": [_named(tool.name) for tool in choice.tools]}
    return found | {"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}


def _named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _messages(request: ResponseRequest, held: list[Held]) -> list[JsonValue]:
    messages: list[JsonValue] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    if isinstance(request.input, str):
        return [*messages, {"role": "user", "content": request.input}]
    turn: Json = {}  # the assistant's, as long as items belong to it
    for position, item in enumerate(request.input):
        path = f"input[{position}]"
        if isinstance(item, OutputItem):
            turn = {}
            content = _content(item.output, f"{path}.output", held)
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": content})
        elif isinstance(item, MessageItem) and item.role != "assistant":
            turn = {}
            messages.append({"role": item.role, "content": _content(item.content, f"{path}.content", held)})
        else:
            if not turn or (isinstance(item, MessageItem | ReasoningItem) and not _only_thought(turn)):
                turn = {"role": "assistant", "content": None}
                messages.append(turn)
            _add(turn, item, path, held)
    return messages


def _only_thought(turn: Json) -> bool:
    return turn["content"] is None and "tool_calls" not in turn


def _add(turn: Json, item: MessageItem | CallItem | ReasoningItem, path: str, held: list[Held]) -> None:
    """Let the assistant's turn say this too."""
    if isinstance(item, MessageItem):
        turn["content"] = _content(item.content, f"{path}.content", held)
    elif isinstance(item, ReasoningItem):
        thought = "\n\n".join(part.text for part in [*item.summary, *(item.content or ())])
        if thought:
            turn["reasoning_content"] = "\n\n".join(filter(None, [str(turn.get("reasoning_content") or ""), thought]))
    else:
        function: Json = {"name": item.name, "arguments": item.arguments}
        calls = turn.setdefault("tool_calls", [])
        assert isinstance(calls, list)
        calls.append({"id": item.call_id, "type": "function", "function": function})


def _content(said: str | Sequence[Content], path: str, held: list[Held]) -> JsonValue:
    return said if isinstance(said, str) else [_part(part, f"{path}[{index}]", held) for index, part in enumerate(said)]


def _part(part: Content, path: str, held: list[Held]) -> Json:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, RefusalPart):
        return {"type": "refusal", "refusal": part.refusal}
    if isinstance(part, ImagePart):
        url: Json = {"url": part.image_url}
        if part.detail is not None:
            url["detail"] = part.detail
        image: Json = {"type": "image_url", "image_url": url}
        held.append(Held(chat_parts.ImagePart.model_validate(image), path, f"{path}.image_url"))
        return image
    if isinstance(part, SoundPart):
        sound: Json = {"type": "input_audio", "input_audio": part.input_audio.model_dump(mode="json")}
        held.append(Held(chat_parts.AudioPart.model_validate(sound), path, f"{path}.input_audio.data"))
        return sound
    file: Json = {"type": "file", "file": part.model_dump(exclude={"type"}, exclude_none=True, mode="json")}
    held.append(Held(chat_parts.FilePart.model_validate(file), path, f"{path}.file_data"))
    return file
