# Requests and answers as they are told in the API's description; each is tested against what describes it.
from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

__all__ = (
    "CHATS",
    "CHAT_COMPLETION",
    "COMPLETION",
    "COMPLETIONS",
    "EMBEDDING",
    "EMBEDDINGS",
    "IMAGE",
    "IMAGES",
    "MESSAGES",
    "MODEL",
    "PROVIDER",
    "PROVIDER_MORE",
    "RESPONSES",
    "SPEECHES",
)

Json = dict[str, JsonValue]

_HELLO: Final[Json] = {"model": "scripted", "messages": [{"role": "user", "content": "Hello!"}]}
_WEATHER: Final[Json] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

CHATS: Final[Mapping[str, JsonValue]] = {
    "one answer": _HELLO,
    "a stream": {**_HELLO, "stream": True, "stream_options": {"include_usage": True}},
    "tools": {**_HELLO, "tools": [_WEATHER], "tool_choice": "auto"},
    "JSON": {**_HELLO, "response_format": {"type": "json_object"}},
}
CHAT_COMPLETION: Final[Json] = {
    "id": "chatcmpl-0123456789abcdef0123456789abcdef",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "scripted",
    "provider": "Scripted",
    "system_fingerprint": "fp_0123456789",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
COMPLETIONS: Final[Mapping[str, JsonValue]] = {
    "one": {"model": "scripted", "prompt": "Once upon a time"},
    "several": {"model": "scripted", "prompt": ["Once upon a time", "Far away"], "max_tokens": 2},
}
COMPLETION: Final[Json] = {
    "id": "cmpl-0123456789abcdef0123456789abcdef",
    "object": "text_completion",
    "created": 1700000000,
    "model": "scripted",
    "provider": "Scripted",
    "system_fingerprint": "fp_0123456789",
    "choices": [{"text": "Once upon a time", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": CHAT_COMPLETION["usage"],
}
RESPONSES: Final[Mapping[str, JsonValue]] = {"one": {"model": "scripted", "input": "Hello!"}}
MESSAGES: Final[Mapping[str, JsonValue]] = {"one": {**_HELLO, "max_tokens": 100}}
IMAGES: Final[Mapping[str, JsonValue]] = {
    "an address": {"prompt": "A beautiful sunset over mountains", "size": "256x256"},
    "a file": {"prompt": "A beautiful sunset", "size": "64x64", "response_format": "b64_json"},
}
RESPONSE: Final[Json] = {
    "id": "resp_0123456789abcdef0123456789abcdef",
    "object": "response",
    "created_at": 1700000000,
    "model": "scripted",
    "provider": "Scripted",
    "background": False,
    "conversation": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "auto",
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "output": [
        {
            "id": "msg_0123456789abcdef0123456789abcdef0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello!", "annotations": [], "logprobs": []}],
        }
    ],
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 10,
    },
}
MESSAGE: Final[Json] = {
    "id": "msg_0123456789abcdef0123456789abcdef",
    "type": "message",
    "role": "assistant",
    "model": "scripted",
    "provider": "Scripted",
    "content": [{"type": "text", "text": "Hello!"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 9,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
        "output_tokens_details": {"thinking_tokens": 0},
    },
}
COUNTS: Final[Mapping[str, JsonValue]] = {
    "one": {"model": "scripted", "messages": [{"role": "user", "content": "Hello!"}]},
}
IMAGE: Final[Json] = {
    "created": 1700000000,
    "data": [{"url": "https://example.com/media/0123.png", "revised_prompt": "A beautiful sunset over mountains"}],
    "output_format": "png",
    "size": "256x256",
}
EMBEDDINGS: Final[Mapping[str, JsonValue]] = {
    "a text": {"model": "scripted", "input": "The food was delicious."},
    "texts": {"model": "scripted", "input": ["A cat sits.", "A dog runs."], "encoding_format": "base64"},
    "token ids": {"model": "scripted", "input": [[1037, 4937], [1037, 3899]], "dimensions": 8},
}
EMBEDDING: Final[Json] = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}],
    "model": "scripted",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}
SPEECHES: Final[Mapping[str, JsonValue]] = {
    "one": {"model": "scripted", "input": "Hello, this is a test.", "voice": "alloy", "response_format": "wav"}
}
MODEL: Final[Json] = {
    "id": "gpt-4o",
    "object": "model",
    "created": 0,
    "owned_by": "OpenAI",
    "image": False,
    "vision": True,
    "kinds": ["chat"],
    "provider": False,
}
PROVIDER: Final[Json] = {
    "provider": "Copilot",
    "models": ["gpt-4", "gpt-4-vision"],
    "image_models": [],
    "vision_models": ["gpt-4-vision"],
    "url": "https://copilot.microsoft.com",
    "working": True,
    "auth": False,
}
PROVIDER_MORE: Final[Json] = {"stream": True, "description": "Microsoft Copilot AI assistant"}
