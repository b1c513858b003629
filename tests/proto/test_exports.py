# The public surface is one hand-written list; what the modules offer and the list leaves out is named here.
from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import g4f_proto

ROOT = Path(g4f_proto.__file__).parent
#: Offered to the package's other files, not to its users.
INSIDE = {
    "g4f_proto._capabilities": {"check"},
    "g4f_proto._emulation": {"EMULATED"},
    "g4f_proto._outcome": {"summary"},
    "g4f_proto._routes": {"match"},
    "g4f_proto._schema": {"parse", "validate"},
    "g4f_proto._schema._json": {"parse"},
    "g4f_proto._schema._validate": {"path_of", "validate"},
    "g4f_proto._schema.chat": {"StreamOptions", "consistent"},
    "g4f_proto._schema.parts": {"AudioPart", "FilePart", "ImagePart", "Part", "RefusalPart", "TextPart"},
    "g4f_proto._schema.completions": {"CompletionRequest"},
    "g4f_proto._schema.audio": {"SpeechRequest", "TranscriptionRequest"},
    "g4f_proto._schema.embeddings": {"EmbeddingRequest"},
    "g4f_proto._schema.tools": {
        "FunctionCall", "NamedFunction", "Off", "ResponseFormat", "Strict", "Tool", "ToolCallEntry", "ToolChoice",
    },
    "g4f_proto._images": {"media_type"},
    "g4f_proto._sse": {"MAX_EVENT", "named_frame"},
    "g4f_proto._access": {"cors", "preflight"},
    "g4f_proto._intake": {"Intake"},
    "g4f_proto._endpoints": {"ERRORS", "READERS"},
    "g4f_proto._text": {"ThinkSplitter", "quote", "quoted"},
    "g4f_proto._tokens": {"Spent", "prompt_tokens"},
    "g4f_proto._tools": {"ToolReader", "forced", "rewrite"},
    "g4f_proto.dialects": {
        "Page",
        "Asked", "Encoder", "Headers", "JSON_HEADERS", "Reader", "Reading", "SSE_HEADERS", "first_able",
    },
    "g4f_proto.dialects.chat": {
        "ChatReply", "ChatStream", "ChatStreamReader", "CompletionStreamReader", "read_completion_reply", "read_reply",
        "read_request",
    },
    "g4f_proto.dialects.chat.envelope": {"Ending", "Envelope", "logprobs", "token_object", "usage_object"},
    "g4f_proto.dialects.chat.reader": {"read_token"},
    "g4f_proto.dialects.chat.reply": {"ChatReply"},
    "g4f_proto.dialects.chat.request": {"Held", "chat_reading", "check_part", "few_images", "read_request"},
    "g4f_proto.dialects.chat.stream": {"ChatStream"},
    "g4f_proto.dialects.completions": {"CompletionReply", "CompletionStream", "read_completion"},
    "g4f_proto.dialects.messages": {
        "MESSAGE_PARAMETERS", "MessageReply", "MessageStream", "MessageStreamReader", "ask_message", "count_message",
        "message_error", "read_message", "read_messages",
    },
    "g4f_proto.dialects.messages.request": {"read_messages", "told"},
    "g4f_proto.dialects.messages.tokens": {"count_message"},
    "g4f_proto.dialects.messages.errors": {"message_error"},
    "g4f_proto.dialects.messages.stream": {"MessageReply", "MessageStream"},
    "g4f_proto.dialects.messages.upstream": {"MAX_TOKENS", "arguments_object"},
    "g4f_proto._schema.messages": {
        "CountRequest", "DocumentBlock", "ImageBlock", "MessageRequest", "RedactedBlock", "ResultBlock", "Shown",
        "TextBlock", "ThinkingBlock", "Turn", "UseBlock",
    },
    "g4f_proto._schema.responses": {
        "CallItem", "Content", "FilePart", "ImagePart", "MessageItem", "OutputItem", "ReasoningItem", "RefusalPart",
        "ResponseRequest", "SchemaFormat", "SoundPart", "TextPart",
    },
    "g4f_proto.dialects.responses": {
        "RESPONSE_PARAMETERS", "ResponseReply", "ResponseStream", "ResponseStreamReader", "ask_response",
        "read_response", "read_responses", "response_error",
    },
    "g4f_proto.dialects.responses.request": {"read_responses"},
    "g4f_proto.dialects.responses.errors": {"error_event", "failure_object", "response_error"},
    "g4f_proto.dialects.responses.items": {"CALL", "Item", "Kind", "Part", "REFUSAL", "TEXT", "THOUGHT", "scores"},
    "g4f_proto.dialects.responses.stream": {"ResponseReply", "ResponseStream"},
    "g4f_proto.dialects.names": {"rename"},
    "g4f_proto.dialects.reader": {
        "Failed", "StreamReader", "child", "children", "count", "document", "failure", "text",
    },
    "g4f_proto.dialects.cookies": {"CookiesReply", "read_cookie_upload"},
    "g4f_proto.dialects.segments": {"read_segments", "srt", "verbose", "vtt"},
    "g4f_proto.dialects.speech": {"SOUNDS", "SpeechReply", "SpeechStream", "read_speech_request"},
    "g4f_proto.dialects.transcription": {"TranscriptionReply", "TranscriptionStream", "read_transcription_request"},
    "g4f_proto.dialects.embeddings": {"EmbeddingReply", "read_embedding_request"},
    "g4f_proto._schema.images": {"ImageRequest", "MAX_PIXELS", "MAX_SIDE", "MIN_SIDE"},
    "g4f_proto.dialects.images": {"ImagesReply", "read_images_request"},
    "g4f_proto.dialects.media": {"FileReply", "read_media"},
    "g4f_proto.dialects.models": {"list_models", "one_model"},
    "g4f_proto.dialects.providers": {"list_providers", "one_provider"},
}  # fmt: skip


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages([str(ROOT)], "g4f_proto.")
    return [importlib.import_module(module.name) for module in found]


def test_the_list_is_the_union_of_the_modules_lists() -> None:
    offered: dict[str, str] = {}
    inside: dict[str, set[str]] = {}
    for module in modules():
        if module.__name__.startswith("g4f_proto._openapi"):
            continue  # told by GET /openapi.json, and by nothing else
        for name in module.__all__:
            if name in INSIDE.get(module.__name__, ()):
                inside.setdefault(module.__name__, set()).add(name)
                continue
            assert name not in offered, f"{name} is offered by {offered.get(name)} and {module.__name__}"
            offered[name] = module.__name__
    assert set(g4f_proto.__all__) == set(offered)
    assert inside == INSIDE, "a name in INSIDE is not there any more"


def test_every_module_has_a_list_and_keeps_it() -> None:
    for module in modules():
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert not name.startswith("_")
            assert hasattr(module, name), f"{module.__name__}.{name}"


def test_the_list_is_sorted_and_whole() -> None:
    names = list(g4f_proto.__all__)
    assert len(set(names)) == len(names)
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name not in constants and (name[0].isupper() or name in ("KiB", "MiB"))]
    functions = [name for name in names if name not in constants and name not in classes]
    assert names == sorted(constants) + sorted(classes) + sorted(functions)
    scope: dict[str, object] = {}
    exec("from g4f_proto import *", scope)
    assert set(names) <= set(scope)


def test_nothing_private_is_imported_from_outside() -> None:
    """Whoever uses the core uses its public names."""
    for folder in ("providers", "backends", "g4f"):
        for path in (ROOT.parent / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("g4f_proto"):
                    assert node.module == "g4f_proto", f"{path}:{node.lineno} imports from {node.module}"
                    assert all(alias.name in g4f_proto.__all__ for alias in node.names), f"{path}:{node.lineno}"


def test_it_is_typed() -> None:
    assert (ROOT / "py.typed").is_file()
