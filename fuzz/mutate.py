# Bytes made worse. Seeds are valid, so that most mutants get past the first check and die deep inside.
from __future__ import annotations

import json
from random import Random
from typing import Any, Final

__all__ = ("BODIES", "STREAMS", "TARGETS", "mutant")

_MESSAGES: Final = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "hello \ud83d\u2028"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "42"},
    {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
    {"role": "user", "content": "hi"},
]
_FULL: Final = {
    "model": "echo:x=1",
    "messages": _MESSAGES,
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 5,
    "stop": ["a", "b"],
    "seed": -(2**63),
    "timeout": 1.5,
    "temperature": 1,
    "n": 2,
    "logit_bias": {"5": -100},
    "tool_choice": "required",
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {"properties": {"a": {"$ref": "#/$defs/d"}, "b": {"$ref": "#"}}, "$defs": {"d": {}}},
            },
        }
    ],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "x": {"y": [None, True, 1e300, "\x00"]},
}


def _chunk(**choice: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, **choice}], "usage": None}).encode() + b"\n\n"


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


_MESSAGE: Final = {
    "model": "echo",
    "max_tokens": 5,
    "stream": True,
    "system": [{"type": "text", "text": "be brief"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "tool_result", "tool_use_id": "x"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://a/b"}}]},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {}}},
}
_RESPONSE: Final = {
    "model": "echo",
    "stream": True,
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "x", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "x", "output": "1"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {}}],
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    "reasoning": {"effort": "low"},
    "max_output_tokens": 16,
}
BODIES: Final = tuple(
    json.dumps(body).encode()
    for body in (
        _FULL,
        _MESSAGE,
        {name: _MESSAGE[name] for name in ("model", "max_tokens", "messages", "stream")},
        _RESPONSE,
        {"model": "echo", "input": "a", "stream": True, "max_output_tokens": 16},
        {"messages": _MESSAGES, "provider": "Echo"},
        {"model": "echo", "messages": _MESSAGES[-1:]},
        {"model": "echo", "messages": _MESSAGES[-1:], "stream": True, "functions": [{"name": "f"}], "stop": "STOP"},
        {"model": "echo", "messages": _MESSAGES, "max_completion_tokens": 3, "stream": True, "metadata": {"a": "b"}},
        {"model": "echo", "prompt": ["a", "b"], "n": 2, "echo": True, "max_tokens": 3, "stop": ["x"]},
        {
            "model": "echo",
            "prompt": "a",
            "n": 2,
            "size": "64x32",
            "response_format": "b64_json",
            "output_format": "jpeg",
        },
    )
)
STREAMS: Final = (
    _chunk(delta={"role": "assistant", "content": ""})
    + _chunk(delta={"content": "hello"})
    + b": ping\n\n"
    + _chunk(delta={"reasoning_content": "hm"})
    + _chunk(delta={}, finish_reason="stop")
    + b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
    _chunk(delta={"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]})
    + _chunk(delta={"tool_calls": [{"function": {"arguments": {"a": 1}}}, {"index": 1, "function": {"name": "g"}}]})
    + _chunk(delta={"content": "a"}, logprobs={"content": [{"token": "a", "logprob": -1, "bytes": [97]}]})
    + _chunk(delta={"function_call": {"name": "f", "arguments": "{}"}, "refusal": "no"}, finish_reason="function_call"),
    _chunk(text="a") + b'data: {"choices":[{"index":1,"text":"","finish_reason":"stop"}]}\n\n',
    _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"})
    + _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "b"})
    + _event("content_block_start", index=1, content_block={"type": "tool_use", "id": "x", "name": "f"})
    + _event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "{}"})
    + _event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 1})
    + _event("message_stop"),
    _event("response.output_text.delta", delta="a")
    + _event("response.output_item.added", output_index=1, item={"type": "function_call", "call_id": "x", "name": "f"})
    + _event("response.function_call_arguments.delta", output_index=1, delta="{}")
    + _event("response.completed", response={"status": "completed", "usage": {"input_tokens": 1}}),
    b'\xef\xbb\xbfevent: e\r\ndata: {"choices":\rdata: []}\r\rid: 1\n\ndata: {"error":{"code":"c"}}\n\n',
)
TARGETS: Final = (
    b"/v1/chat/completions",
    b"/api/Echo/chat/completions",
    b"/api/Echo/talk/chat/completions",
    b"/v1/completions",
    b"/v1/messages",
    b"/v1/messages/count_tokens",
    b"/v1/responses",
    b"/v1/images/generations",
    b"/api/Echo/images/generations",
    b"/v1/models",
    b"/v1/models/echo%3Ax",
    b"/health",
    b"http://h/v1/models?x=1",
)
_TOKENS: Final = (
    b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"null", b"true", b"NaN", b"1e999", b"-", b"9" * 30, b"9" * 4400,
    b"\\ud83d", b"\\u0000", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\xbd", b"\r", b"\n", b"\r\n", b"\n\n",
    b"data: ", b"data: [DONE]\n\n", b"event: ", b"id: 1", b": ", b'"messages"', b'"content"', b'"type"', b'"role"',
    b'"model"', b'"*"', b'"text"', b'"str"', b'"refusal"', b'"tool_calls"', b'"function"', b'"name"', b'"$ref"',
    b'"choices"', b'"delta"', b'"usage"', b'"error"',
    b'{"role":', b"[[[[", b"%", b"%2f", b"//", b"/v1", b"?", b"[" * 200, b"{}," * 50, b"x" * 600,
)  # fmt: skip


def mutant(seed: bytes, chance: Random) -> bytes:
    """`seed` with a few things done to it."""
    data = bytearray(seed)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.randrange(8):
            case 0:
                data[at:at] = chance.choice(_TOKENS)
            case 1:
                data[at : at + 1] = chance.choice(_TOKENS)
            case 2:
                del data[at : min(end, at + 20)]
            case 3:
                data[at:at] = data[at : min(end, at + 200)]
            case 4:
                del data[at:]
            case 5:
                data[at:at] = chance.randbytes(chance.randint(1, 4))
            case 6 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case _:
                data = _value(data, chance)
    return bytes(data)


def _value(data: bytearray, chance: Random) -> bytearray:
    """One value of a JSON document for another one; what is no JSON stays as it is."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    place: Any = document
    inside: Any = document
    key: Any = None
    while isinstance(inside, dict | list) and inside and (key is None or chance.random() < 0.8):
        place = inside
        key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        inside = place[key]
    if key is not None:
        values: tuple[Any, ...] = (
            None,
            True,
            0,
            -1,
            2**64,
            0.5,
            "",
            "text",
            [],
            {},
            [5],
            {"str": 5},
            {"type": "text"},
            place,
        )
        place[key] = chance.choice(values[: 13 if chance.random() < 0.9 else 14])
    try:
        return bytearray(json.dumps(document).encode())
    except ValueError:  # a value that holds itself
        return data
