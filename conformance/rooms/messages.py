"""Messages, Anthropic's API: the object, blocks that start and stop one after the other, calls, thoughts, errors."""

import json

from conformance import named
from conformance.calls import FUNCTIONS, QUESTION, SCHEMAS, valid
from conformance.case import Failed, case, fail_if
from conformance.found import Found, Json, show
from conformance.message import Reply
from conformance.target import PROMPT, SCRIPTED, Target, json_of

PATH = "/messages"
SPEC = "https://docs.claude.com/en/api/messages"
STREAM = "https://docs.claude.com/en/docs/build-with-claude/streaming"
STOPS = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal")
TOOLS: Json = [
    {"name": function["name"], "description": function["description"], "input_schema": function["parameters"]}
    for function in FUNCTIONS
]


def asking(target: Target, **fields: object) -> dict[str, object]:
    user: Json = {"role": "user", "content": PROMPT}
    return {"model": target.model, "messages": [user], "max_tokens": 64, **fields}


def ask(target: Target, **fields: object) -> Reply:
    return target.post(PATH, json.dumps(asking(target, **fields)).encode())


def made(target: Target, **fields: object) -> Found:
    found = named.whole(target, PATH, asking(target, **fields), "messages")
    found["content"]
    return found


def streamed(target: Target, **fields: object) -> list[Found]:
    return named.stream(target, PATH, asking(target, **fields), "messages")


def calling(target: Target, **fields: object) -> dict[str, object]:
    """Fields of a request that must end in calls, of the scripted provider in two."""
    model = f"{SCRIPTED}:calls=2" if "scripted" in target.has else target.model
    asked = {"model": model, "messages": [QUESTION], "tools": TOOLS, "tool_choice": {"type": "any"}, "max_tokens": 400}
    return asked | fields


def text(found: Found) -> str:
    """The text of a message's blocks."""
    return "".join(block["text"].text() for block in found["content"] if block["type"].text() == "text")


def blocks(events: list[Found]) -> list[dict[str, str]]:
    """The blocks of a stream: their kind and what the deltas say of each."""
    names = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
    found = [{"kind": event["content_block"]["type"].text(), "said": ""} for event in starts(events)]
    for event in named.of(events, "content_block_delta"):
        kind = event["delta"]["type"].text()
        if kind in names:
            found[event["index"].integer()]["said"] += event["delta"][names[kind]].text()
    return found


def starts(events: list[Found]) -> list[Found]:
    return named.of(events, "content_block_start")


def refused(reply: Reply, *statuses: int, type: str) -> None:
    """One of `statuses`, and Anthropic's error object."""
    if reply.status not in statuses:
        raise Failed(f"status {reply.status} instead of {statuses}: {show(reply.body)}")
    found = json_of(reply)
    found["type"].equals("error")
    found["error"]["type"].equals(type)
    if not found["error"]["message"].text().strip():
        raise Failed("error.message is empty")


@case("messages.shape", rule=f"{SPEC}: the response")
def shape(target: Target) -> None:
    """Clients take `content[0].text` for the answer and `stop_reason` for why it ended."""
    found = made(target)
    found["type"].equals("message")
    found["role"].equals("assistant")
    for name in ("id", "model"):
        if not found[name].text():
            raise Failed(f"{name} is empty")
    if found["stop_reason"].text() not in STOPS:
        raise Failed(f"stop_reason is {found['stop_reason'].text()!r}")
    found["stop_sequence"].text_or_null()
    found["content"][0]["type"].equals("text")
    if not text(found).strip():
        raise Failed("the message says nothing")
    for name in ("input_tokens", "output_tokens"):
        if found["usage"][name].integer() < 0:
            raise Failed(f"usage.{name} is negative")


@case("messages.order", rule=f"{STREAM}: message_start, blocks, message_delta, message_stop")
def order(target: Target) -> None:
    """Anthropic's client raises at anything before message_start, and a block must be started to take a delta."""
    events = [event for event in streamed(target) if event["type"].text() != "ping"]
    kinds = [event["type"].text() for event in events]
    if kinds[0] != "message_start" or kinds[-2:] != ["message_delta", "message_stop"]:
        raise Failed(f"the events are {named.kinds(events)}")
    started: list[int] = []
    stopped: set[int] = set()
    for event in events[1:-2]:
        kind, index = event["type"].text(), event["index"].integer()
        if kind == "content_block_start":
            if index != len(started):
                raise Failed(f"block {index} starts as the {len(started) + 1}th")
            started.append(index)
        elif index not in started or index in stopped:
            raise Failed(f"{kind} of block {index}, which is not open")
        stopped |= {index} if kind == "content_block_stop" else set()
    if stopped != set(started) or not started:
        raise Failed(f"blocks {started} were started, {sorted(stopped)} stopped")


@case("messages.start", rule=f"{STREAM}: a message object with empty content")
def start(target: Target) -> None:
    """The deltas are put into the message that the first event holds."""
    found = next(event for event in streamed(target) if event["type"].text() == "message_start")["message"]
    found["type"].equals("message")
    found["role"].equals("assistant")
    found["id"].text()
    if list(found["content"]):
        raise Failed("the message that starts has content already")
    for name in ("stop_reason", "stop_sequence"):
        if found[name].value is not None:
            raise Failed(f"{name} is {show(found[name].value)} when the message starts")
    found["usage"]["input_tokens"].integer()
    found["usage"]["output_tokens"].integer()


@case("messages.agrees", rule="a stream is the same answer in pieces", needs=("scripted",))
def agrees(target: Target) -> None:
    """Text, reason and count are those of the whole message."""
    whole, events = made(target), streamed(target)
    said = "".join(block["said"] for block in blocks(events) if block["kind"] == "text")
    last = named.of(events, "message_delta")[-1]
    if said != text(whole):
        raise Failed(f"streamed {show(said)}, whole {show(text(whole))}")
    last["delta"]["stop_reason"].equals(whole["stop_reason"].value)
    last["usage"]["output_tokens"].equals(whole["usage"]["output_tokens"].value)


@case("messages.length", rule=f"{SPEC}: stop_reason max_tokens", needs=("scripted",), complaint=11)
def length(target: Target) -> None:
    """An answer that was cut looks complete to a client that is not told."""
    fields: dict[str, object] = {"model": f"{SCRIPTED}:tokens=64", "max_tokens": 3}
    made(target, **fields)["stop_reason"].equals("max_tokens")
    named.of(streamed(target, **fields), "message_delta")[-1]["delta"]["stop_reason"].equals("max_tokens")


@case("messages.calls", rule=f"{STREAM}: input_json_delta", complaint=(4, 10))
def calls(target: Target) -> None:
    """A call starts with an empty input; the pieces of its JSON follow, whole when its block stops."""
    fields = calling(target)
    whole = made(target, **fields)
    whole["stop_reason"].equals("tool_use")
    events = streamed(target, **fields)
    named.of(events, "message_delta")[-1]["delta"]["stop_reason"].equals("tool_use")
    ids = []
    for event, block in zip(starts(events), blocks(events), strict=True):
        if block["kind"] == "tool_use":
            found = event["content_block"]
            if found["input"].object():
                raise Failed("a call starts with a part of its input")
            ids.append(found["id"].text())
            name = found["name"].text()
            if name not in SCHEMAS:
                raise Failed(f"a call of {name!r}")
            valid(block["said"] or "{}", SCHEMAS[name], f"input of {name}")
    if not ids or len(set(ids)) < len(ids):
        raise Failed(f"the ids of the calls are {ids}")
    if "scripted" in target.has and len(ids) != 2:
        raise Failed(f"{len(ids)} calls instead of 2")
    for used in whole["content"]:
        if used["type"].text() == "tool_use":
            valid(json.dumps(used["input"].object()), SCHEMAS[used["name"].text()], "input")


@case("messages.loop", rule=f"{SPEC}: tool_use and tool_result blocks")
def loop(target: Target) -> None:
    """The next request holds the last message's blocks as they came, and what the tools answered."""
    said = made(target, **calling(target))["content"]
    results: list[Json] = [
        {"type": "tool_result", "tool_use_id": block["id"].text(), "content": "21 degrees"}
        for block in said
        if block["type"].text() == "tool_use"
    ]
    turns: Json = [QUESTION, {"role": "assistant", "content": said.value}, {"role": "user", "content": results}]
    found = made(target, **calling(target, messages=turns, tool_choice={"type": "auto"}))
    if "scripted" in target.has and "21 degrees" not in text(found):
        raise Failed(f"the answer does not know what the tool said: {show(text(found))}")


@case("messages.thinking", rule=f"{SPEC}: thinking", needs=("scripted",), complaint=22)
def thinking(target: Target) -> None:
    """Thoughts are blocks of their own before the text, and only for a client that asks for them."""
    model = f"{SCRIPTED}:reasoning=3"
    events = streamed(target, model=model, thinking={"type": "adaptive"})
    found = blocks(events)
    if [block["kind"] for block in found] != ["thinking", "text"] or not found[0]["said"]:
        raise Failed(f"the blocks are {found}")
    thought = made(target, model=model, thinking={"type": "adaptive"})["content"][0]
    thought["thinking"].equals(found[0]["said"])
    thought["signature"].text()
    made(target, model=model)["content"][0]["type"].equals("text")


@case("messages.forms", rule=f"{SPEC}: a string is one text block; system is a string or blocks", complaint=13)
def forms(target: Target) -> None:
    """Most clients send strings, the others only blocks, with hints for a cache."""
    hint: Json = {"type": "ephemeral"}
    block: Json = {"type": "text", "text": PROMPT, "cache_control": hint}
    user: Json = {"role": "user", "content": [block]}
    plain = text(made(target))
    wrong = []
    given: tuple[dict[str, object], ...] = (
        {"messages": [user]},
        {"messages": [user], "system": "Be brief."},
        {"messages": [user], "system": [{"type": "text", "text": "Be brief.", "cache_control": hint}]},
        {"messages": [user, {"role": "assistant", "content": "Hello"}, user], "metadata": {"user_id": "u"}},
    )
    for fields in given:
        try:
            found = text(made(target, **fields))
            if "scripted" in target.has and found != plain:
                wrong.append(f"{show(fields)}: {show(found)} instead of {show(plain)}")
        except Failed as failed:
            wrong.append(f"{show(fields)}: {failed}")
    fail_if(wrong)


@case("messages.errors", rule="https://docs.claude.com/en/api/errors", complaint=17)
def errors(target: Target) -> None:
    """Anthropic's clients raise by the status and show the message of this shape: of another one they show nothing."""
    made(target)
    wrong = []
    given: tuple[tuple[dict[str, object], tuple[int, ...], str], ...] = (
        ({"max_tokens": None}, (400,), "invalid_request_error"),
        ({"messages": []}, (400,), "invalid_request_error"),
        ({"temperature": 2}, (400,), "invalid_request_error"),
        ({"model": "no-such-model-7f3a"}, (404,), "not_found_error"),
    )
    for fields, statuses, kind in given:
        try:
            refused(ask(target, **fields), *statuses, type=kind)
        except Failed as failed:
            wrong.append(f"{fields}: {failed}")
    fail_if(wrong)


@case("messages.count", rule="https://docs.claude.com/en/api/messages-count-tokens")
def count(target: Target) -> None:
    """Clients count before they ask, to cut the history in time."""

    def counted(text: str) -> int:
        fields: dict[str, object] = {"model": target.model, "messages": [{"role": "user", "content": text}]}
        return named.whole(target, f"{PATH}/count_tokens", fields, "counting of tokens")["input_tokens"].integer()

    few, many = counted("one"), counted("one two three four five six seven eight")
    if not 0 < few < many:
        raise Failed(f"one word has {few} tokens, eight have {many}")


@case("messages.failure", rule=f"{STREAM}: error events", needs=("scripted",), complaint=14)
def failure(target: Target) -> None:
    """A failure before the first word is a status; later it is an event, and no message_stop dresses it as an end."""
    refused(ask(target, model=f"{SCRIPTED}:error=429", stream=True), 429, type="rate_limit_error")
    events = streamed(target, model=f"{SCRIPTED}:error=500,after=2")
    last = events[-1]
    last["type"].equals("error")
    last["error"]["type"].equals("api_error")
    if not last["error"]["message"].text():
        raise Failed("the error says nothing")
    if "message_stop" in named.kinds(events):
        raise Failed("a failed message has a message_stop")
