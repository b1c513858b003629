# A chat as a request for a response: what we ask an upstream that speaks the Responses API.
#
# A turn of the assistant becomes the items it was made of: its message, then its calls. Nothing is stored there, for
# the client sends its history. What the API has no word for is left out of the provider's `native`, so that the machine
# makes up for it (`stop`, `n`) or refuses it. https://platform.openai.com/docs/api-reference/responses/create
from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from ..._calls import ChatCall
from ..._errors import UnsupportedParameter
from ..._schema.chat import ChatRequest, Message
from ..._schema.parts import AudioPart, ImagePart, Part, RefusalPart, TextPart
from ..._schema.tools import NamedFunction, SchemaFormat

__all__ = ("RESPONSE_PARAMETERS", "ask_response")

Json = dict[str, JsonValue]

#: The parameters of a chat that have a word in the Responses API.
RESPONSE_PARAMETERS: Final = frozenset({
    "files", "function_call", "functions", "logprobs", "max_completion_tokens", "max_tokens", "parallel_tool_calls",
    "reasoning_effort", "remote_images", "response_format", "service_tier", "temperature", "tool_choice", "tools",
    "top_logprobs", "top_p", "verbosity", "vision",
})  # fmt: skip
#: Fields that both have under one name.
_SAME: Final = (
    "metadata", "parallel_tool_calls", "prompt_cache_key", "safety_identifier", "service_tier", "temperature",
    "top_logprobs", "top_p", "user",
)  # fmt: skip
_LEAST: Final = 16  # "max_output_tokens": its minimum


def ask_response(call: ChatCall) -> Json:
    """The body of ``POST /v1/responses`` that asks what `call` asks.

    :raises UnsupportedParameter: a value that the API cannot honour.
    """
    request = call.request
    asked: Json = {"model": call.model, "input": _items(request), "stream": bool(request.stream), "store": False}
    asked |= {name: call.body[name] for name in _SAME if call.body.get(name) is not None}
    limit = request.token_limit
    if limit is not None:
        if limit < _LEAST:
            raise UnsupportedParameter(f"The provider makes answers of {_LEAST} tokens and more.", param="max_tokens")
        asked["max_output_tokens"] = limit
    if request.reasoning_effort is not None:
        # Thoughts are told as every other provider's are.
        asked["reasoning"] = {"effort": request.reasoning_effort, "summary": "auto"}
    if request.logprobs:
        asked["include"] = ["message.output_text.logprobs"]
    return asked | _text(request) | _tools(request)


def _text(request: ChatRequest) -> Json:
    text: Json = {"verbosity": request.verbosity} if request.verbosity is not None else {}
    form = request.response_format
    if isinstance(form, SchemaFormat):
        text["format"] = {
            "type": form.type,
            **form.json_schema.model_dump(by_alias=True, exclude_none=True, mode="json"),
        }
    elif form is not None:
        text["format"] = {"type": form.type}
    return {"text": text} if text else {}


def _tools(request: ChatRequest) -> Json:
    functions = [tool.function for tool in request.tools or ()] or list(request.functions or ())
    if not functions:
        return {}
    tools: list[JsonValue] = []
    for function in functions:
        # Strict is what a function is there unless it says otherwise, and what it is not in a chat.
        tool: Json = {"type": "function", "name": function.name, "strict": bool(function.strict)}
        tool["parameters"] = function.parameters or {"type": "object", "properties": {}}
        if function.description is not None:
            tool["description"] = function.description
        tools.append(tool)
    found: Json = {"tools": tools}
    if request.functions:
        found["parallel_tool_calls"] = False  # there is room for one call
    choice = request.tool_choice if request.tools else request.function_call
    if isinstance(choice, NamedFunction):
        found["tool_choice"] = _named(choice.name)
    elif choice is None or isinstance(choice, str):
        found |= {} if choice is None else {"tool_choice": choice}
    elif choice.type == "function":
        found["tool_choice"] = _named(choice.function.name)
    else:
        allowed: list[JsonValue] = [_named(tool.function.name) for tool in choice.allowed_tools.tools]
        found["tool_choice"] = {"type": choice.type, "mode": choice.allowed_tools.mode, "tools": allowed}
    return found


def _named(name: str) -> Json:
    return {"type": "function", "name": name}


def _items(request: ChatRequest) -> list[JsonValue]:
    items: list[JsonValue] = []
    called = ""
    for position, message in enumerate(request.messages):
        if message.role in ("tool", "function"):
            output = _content(message, "input_text")
            items.append({"type": "function_call_output", "call_id": message.tool_call_id or called, "output": output})
            continue
        spoken = "output_text" if message.role == "assistant" else "input_text"
        if message.content or message.refusal or message.role != "assistant":
            items.append({"type": "message", "role": message.role, "content": _content(message, spoken)})
        calls = [(call.id, call.function) for call in message.tool_calls or ()]
        if message.function_call is not None:
            called = f"function_{position}"  # the deprecated names have no ids
            calls.append((called, message.function_call))
        for call_id, function in calls:
            item: Json = {"type": "function_call", "call_id": call_id, "name": function.name}
            items.append({**item, "arguments": function.arguments})
    return items


def _content(message: Message, spoken: str) -> JsonValue:
    if message.refusal and not message.content:
        return [{"type": "refusal", "refusal": message.refusal}]
    if isinstance(message.content, str):
        return message.content
    return [_part(part, spoken) for part in message.content or ()]


def _part(part: Part, spoken: str) -> Json:
    if isinstance(part, TextPart):
        return {"type": spoken, "text": part.text}
    if isinstance(part, RefusalPart):
        return {"type": "refusal", "refusal": part.refusal}
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": part.image_url.url, "detail": part.image_url.detail or "auto"}
    if isinstance(part, AudioPart):
        return {"type": "input_audio", "input_audio": part.input_audio.model_dump(mode="json")}
    return {"type": "input_file", **part.file.model_dump(exclude_none=True, mode="json")}
