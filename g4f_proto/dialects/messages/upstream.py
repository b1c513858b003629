# A chat as the Messages API's request: what we ask an upstream that speaks it.
#
# Systems' texts stand above the conversation; results of tools are blocks of the user's next turn; turns of one role in
# a row are one turn. What the API has no word for is refused here when its value is the reason, and left out of the
# provider's `native` when its name is. Fields of Anthropic's own that came with a chat go on: `cache_control`, `top_k`.
# https://docs.claude.com/en/api/messages
from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from ..._calls import ChatCall
from ..._errors import UnsupportedParameter
from ..._images import is_remote, media_type
from ..._schema.chat import ChatRequest, Message
from ..._schema.parts import FilePart, ImagePart, RefusalPart, TextPart
from ..._schema.tools import JsonFormat
from ..._tools import offered

__all__ = ("MAX_TOKENS", "MESSAGE_PARAMETERS", "arguments_object", "ask_message")

Json = dict[str, JsonValue]

#: "max_tokens" is required there and optional here; every Claude that is served has room for so many.
MAX_TOKENS: Final = 16_384
#: The parameters of a chat that have a word in the Messages API.
MESSAGE_PARAMETERS: Final = frozenset({
    "files", "function_call", "functions", "max_completion_tokens", "max_tokens", "parallel_tool_calls",
    "reasoning_effort", "remote_images", "response_format", "service_tier", "stop", "temperature", "tool_choice",
    "tools", "top_k", "top_p", "vision",
})  # fmt: skip
#: `reasoning_effort` -> `output_config.effort`.
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
_TIERS: Final = {"auto": "auto", "default": "standard_only"}


def ask_message(call: ChatCall) -> Json:
    """The body of ``POST /v1/messages`` that asks what `call` asks.

    :raises UnsupportedParameter: a value that the API cannot honour.
    """
    request, body = call.request, call.body
    system, turns = _conversation(request, body)
    asked: Json = {
        "model": call.model,
        "max_tokens": request.token_limit or MAX_TOKENS,
        "messages": turns,
        "stream": bool(request.stream),
    }
    if system:
        asked["system"] = system
    if request.stops:
        asked["stop_sequences"] = [*request.stops]
    if request.temperature is not None:
        if request.temperature > 1:
            raise _refused("The model takes a 'temperature' from 0 to 1.", "temperature")
        asked["temperature"] = request.temperature
    for name in ("top_p", "top_k"):
        if body.get(name) is not None:
            asked[name] = body[name]
    user = body.get("user") or body.get("safety_identifier")
    if isinstance(user, str):
        asked["metadata"] = {"user_id": user}
    if (tier := body.get("service_tier")) is not None:
        asked["service_tier"] = _value(_TIERS, tier, "service_tier")
    return asked | _tools(request, body) | _thoughts_and_form(request, body)


def arguments_object(arguments: str) -> Json:
    """A call's arguments as the object that ``input`` must be."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        value = None
    # "wrap it in a valid JSON object with an appropriate key": {"INVALID_JSON": "<your invalid json string>"}
    # https://docs.claude.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming
    return value if isinstance(value, dict) else {"INVALID_JSON": arguments}


def _thoughts_and_form(request: ChatRequest, body: Mapping[str, JsonValue]) -> Json:
    found: Json = {}
    config: Json = {}
    effort = body.get("reasoning_effort")
    if effort == "none":
        found["thinking"] = {"type": "disabled"}
    elif effort is not None:
        # "thinking.type: "enabled" and budget_tokens are deprecated ... Use thinking.type: "adaptive" with the effort
        # parameter instead." Thoughts are shown, as every other provider's are.
        found["thinking"] = {"type": "adaptive", "display": "summarized"}
        config["effort"] = _value(_EFFORTS, effort, "reasoning_effort")
    if isinstance(request.response_format, JsonFormat):
        raise _refused("The model takes a JSON Schema as 'response_format', and no 'json_object'.", "response_format")
    if request.schema_asked is not None:
        config["format"] = {"type": "json_schema", "schema": request.schema_asked}
    return found | ({"output_config": config} if config else {})


def _tools(request: ChatRequest, body: Mapping[str, JsonValue]) -> Json:
    every = [tool.function for tool in request.tools or ()] or list(request.functions or ())
    if not every:
        return {}
    functions, must = offered(request)
    hints = _raw(body, "tools") if request.tools else []
    named = {function.name: _hint(raw) for function, raw in zip(every, hints, strict=False)}
    tools: list[JsonValue] = []
    for function in functions or every:
        # "input_schema" is required, and its type an object.
        schema: Json = {"type": "object", "properties": {}, **(function.parameters or {})}
        tool: Json = {"name": function.name, "input_schema": schema, **named.get(function.name, {})}
        if function.description is not None:
            tool["description"] = function.description
        if function.strict is not None:
            tool["strict"] = function.strict
        tools.append(tool)
    choice: Json = {"type": "none" if not functions else "any" if must else "auto"}
    if must and len(functions) == 1:
        choice = {"type": "tool", "name": functions[0].name}
    if functions and (request.parallel_tool_calls is False or request.functions):
        choice["disable_parallel_tool_use"] = True  # with `functions` there is room for one call
    return {"tools": tools, "tool_choice": choice}


def _conversation(request: ChatRequest, body: Mapping[str, JsonValue]) -> tuple[list[JsonValue], list[JsonValue]]:
    """The systems' texts, and the turns of user and assistant by turns."""
    system: list[JsonValue] = []
    turns: list[JsonValue] = []
    blocks: list[JsonValue] = []
    last, called = "", ""
    for position, (message, raw) in enumerate(zip(request.messages, _raw(body, "messages"), strict=True)):
        if message.role in ("system", "developer"):
            system += _parts(message, raw)
            continue
        if message.function_call is not None:
            called = f"function_{position}"  # the deprecated names have no ids
        role, said = _turn(message, raw, called)
        if role != last and said:
            last, blocks = role, []
            turns.append({"role": role, "content": blocks})
        blocks += said
    return system, turns


def _turn(message: Message, raw: Mapping[str, JsonValue], called: str) -> tuple[str, list[JsonValue]]:
    parts = _parts(message, raw)
    if message.role in ("tool", "function"):
        result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or called, "content": parts}
        if raw.get("is_error") is True:
            result["is_error"] = True
        return "user", [result | _hint(raw)]
    calls = [(call.id, call.function) for call in message.tool_calls or ()]
    if message.function_call is not None:
        calls.append((called, message.function_call))
    for call_id, function in calls:
        parts.append(
            {"type": "tool_use", "id": call_id, "name": function.name, "input": arguments_object(function.arguments)}
        )
    return message.role, parts


def _parts(message: Message, raw: Mapping[str, JsonValue]) -> list[JsonValue]:
    """A message's content as blocks; "text content blocks must be non-empty"."""
    content = message.content or message.refusal or []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    found: list[JsonValue] = []
    for part, given in zip(content, _raw(raw, "content"), strict=True):
        said = part.text if isinstance(part, TextPart) else part.refusal if isinstance(part, RefusalPart) else ""
        if said:
            found.append({"type": "text", "text": said, **_hint(given)})
        elif isinstance(part, ImagePart):
            found.append({"type": "image", "source": _source(part.image_url.url), **_hint(given)})
        elif isinstance(part, FilePart):
            found.append({"type": "document", **_document(part), **_hint(given)})
    return found


def _source(url: str) -> Json:
    if is_remote(url):
        return {"type": "url", "url": url}
    data = url.partition(",")[2]
    return {"type": "base64", "media_type": media_type(data), "data": data}


def _document(part: FilePart) -> Json:
    kind, comma, data = (part.file.file_data or "").partition(",")
    kind = kind.lower().partition(":")[2].partition(";")[0]
    if not comma or kind not in ("application/pdf", "text/plain"):
        raise _refused("The model takes files as data URIs of PDFs and plain texts.", "messages")
    title: Json = {"title": part.file.filename} if part.file.filename else {}
    if kind == "application/pdf":
        return {"source": {"type": "base64", "media_type": kind, "data": data}, **title}
    try:
        text = a2b_base64(data, strict_mode=True).decode("utf-8", "replace")
    except ValueError:
        raise _refused("The file is not base64.", "messages") from None
    return {"source": {"type": "text", "media_type": kind, "data": text}, **title}


def _raw(document: Mapping[str, JsonValue], name: str) -> list[Mapping[str, JsonValue]]:
    """The objects of a list as the client wrote them."""
    value = document.get(name)
    return [one if isinstance(one, dict) else {} for one in value] if isinstance(value, list) else []


def _hint(raw: Mapping[str, JsonValue]) -> Json:
    return {"cache_control": raw["cache_control"]} if raw.get("cache_control") else {}


def _value(table: Mapping[str, str], value: JsonValue, param: str) -> str:
    if not isinstance(value, str) or value not in table:
        raise _refused(f"The model supports as '{param}' only: {', '.join(table)}.", param)
    return table[value]


def _refused(message: str, param: str) -> UnsupportedParameter:
    return UnsupportedParameter(message, param=param)
