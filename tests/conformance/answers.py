"""The mistakes servers make with tools, JSON, several choices, thoughts, images and conversations: more of `flaws`."""

import json
import re
from collections.abc import Callable, Iterable

from .mutations import choices, chunks, drop, every, put, success
from .proxy import Flaw, Object


def each(change: Callable[[Object], object]) -> Callable[[Object], object]:
    """Change every choice of a completion."""
    return lambda found: [change(choice) for choice in found["choices"]]


def calls(change: Callable[[list[Object]], object]) -> Callable[[Object], object]:
    """Change the list of calls of a choice, whole or a delta's."""

    def changed(choice: Object) -> None:
        said = choice.get("message") or choice.get("delta") or {}
        if said.get("tool_calls"):
            change(said["tool_calls"])

    return changed


def one_by_one(change: Callable[[Object], object]) -> Callable[[Object], object]:
    return calls(lambda entries: [change(entry) for entry in entries])


def from_one(call: Object) -> None:
    call["index"] += 1


def name_again(call: Object) -> None:
    call["function"].setdefault("name", "get_weather")


def read_arguments(call: Object) -> None:
    call["function"]["arguments"] = json.loads(call["function"]["arguments"])


def finish(old: str, new: str) -> Callable[[Object], object]:
    return lambda choice: choice["finish_reason"] == old and put(finish_reason=new)(choice)


def over_the_reply(found: list[Object]) -> None:
    """Call indexes counted over all choices."""
    for chunk in found:
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls", ()):
                call["index"] += 2 * choice["index"]


def messages(change: Callable[[list[Object]], Iterable[Object] | None]) -> Callable[[Object], object]:
    """Change the messages of a request."""

    def changed(found: Object) -> None:
        kept = change(found["messages"])
        if kept is not None:
            found["messages"] = list(kept)

    return changed


def parts(change: Callable[[list[Object]], list[Object] | None]) -> Callable[[Object], object]:
    """Change each content that is a list of parts."""

    def changed(found: list[Object]) -> None:
        for entry in found:
            if isinstance(entry.get("content"), list):
                entry["content"] = change(entry["content"]) or entry["content"]

    return messages(changed)


def text_only(found: list[Object]) -> list[Object]:
    return [part for part in found if part.get("type") == "text"]


def small_images(found: list[Object]) -> None:
    for part in found:
        if len(part.get("image_url", {}).get("url", "")) > 1_000_000:
            part["image_url"]["url"] = part["image_url"]["url"][:1001]


def no_detail(found: list[Object]) -> None:
    for part in found:
        if "detail" in part.get("image_url", {}):
            part["image_url"]["detail"] = "sharp"


def null_refused(found: list[Object]) -> None:
    for entry in found:
        if entry["role"] == "assistant" and not entry.get("content"):
            entry["content"] = 7


def thoughts_refused(found: list[Object]) -> None:
    for entry in found:
        if entry.get("reasoning"):
            entry["content"] = 7


def some_tools(found: Object) -> None:
    """What is wrong with the tools is repaired in silence."""
    if found.get("tools"):
        found["tools"] = [{"type": "function", "function": {"name": "get_weather"}}]


def fenced(choice: Object) -> None:
    if "message" in choice:
        choice["message"]["content"] = f"```json\n{choice['message']['content']}\n```"
    elif choice["delta"].get("content"):
        choice["delta"]["content"] = "`" + choice["delta"]["content"]


def any_json(found: Object) -> None:
    if found.get("response_format", {}).get("json_schema"):
        found["response_format"] = {"type": "json_object"}


def first_role_only(found: list[Object]) -> None:
    for chunk in found:
        for choice in chunk["choices"]:
            if choice["index"]:
                choice["delta"].pop("role", None)


def usage_each(found: list[Object]) -> None:
    if not found[-1]["choices"]:
        for chunk in found:
            if any(choice["finish_reason"] for choice in chunk["choices"]):
                chunk["usage"] = found[-1]["usage"]


def usage_of_one(found: Object) -> None:
    counted = found["usage"]
    counted["completion_tokens"] //= len(found["choices"])
    counted["total_tokens"] = counted["prompt_tokens"] + counted["completion_tokens"]


def in_turn(found: list[Object]) -> list[Object]:
    """One choice after the other."""
    return sorted(found, key=lambda chunk: chunk["choices"][0]["index"] if chunk["choices"] else 99)


def last_first(found: list[Object]) -> list[Object]:
    return sorted(found, key=lambda chunk: -chunk["choices"][0]["index"] if chunk["choices"] else 99)


def mixed_up(found: list[Object]) -> None:
    for number, chunk in enumerate(found):
        for choice in chunk["choices"]:
            if choice["delta"].get("content"):
                choice["index"] = number % 3


def scores(change: Callable[[list[Object]], object]) -> Callable[[Object], object]:
    """Change the scored tokens of a choice."""
    return lambda choice: change(choice["logprobs"]["content"]) if choice.get("logprobs") else None


def leaked(found: list[Object]) -> None:
    found.append({"token": "two", "logprob": 0.0, "bytes": None, "top_logprobs": []})


def first_scores_only(found: list[Object]) -> None:
    told = False
    for chunk in found:
        for choice in chunk["choices"]:
            if told:
                choice["logprobs"] = None
            told = told or bool(choice.get("logprobs"))


def spoken_thoughts(choice: Object) -> None:
    said = choice.get("message") or choice.get("delta") or {}
    if said.get("reasoning"):
        said["content"] = f"<think>{said['reasoning']}</think>{said.get('content') or ''}"


def of_said(change: Callable[[Object], object]) -> Callable[[Object], object]:
    """Change the message or the delta of a choice."""
    return lambda choice: change(choice.get("message") or choice.get("delta") or {})


def thoughts_last(found: list[Object]) -> list[Object]:
    def late(chunk: Object) -> bool:
        return any(choice["delta"].get("reasoning") for choice in chunk["choices"])

    return [chunk for chunk in found if not late(chunk)] + [chunk for chunk in found if late(chunk)]


def uncounted(found: Object) -> None:
    if found.get("usage"):
        found["usage"]["completion_tokens_details"]["reasoning_tokens"] = 0


def never_fails(found: Object) -> None:
    found["model"] = re.sub(r"(error|cut|after|nonsense)=\d+,?", "", found["model"])


def both(change: Callable[[Object], object], *cases: str) -> Flaw:
    """A mistake made in whole replies and streams alike; `change` takes a choice."""
    return Flaw(cases, reply=success(each(change)), events=choices(change))


ANSWERS: dict[str, Flaw] = {
    # calls of tools
    "no index in tool deltas": Flaw(
        ("tools.stream-index", "tools.stream-valid", "tools.parallel"), events=choices(one_by_one(drop("index")))
    ),
    "tool indexes from 1": Flaw(("tools.stream-index", "tools.stream-valid"), events=choices(one_by_one(from_one))),
    "all calls at index 0": Flaw(
        ("tools.parallel", "tools.stream-once", "choices.tools"), events=choices(one_by_one(put(index=0)))
    ),
    "a call's id in each delta": Flaw(("tools.stream-once",), events=choices(one_by_one(put(id="call_1")))),
    "a call's name in each delta": Flaw(
        ("tools.stream-once", "tools.stream-valid", "toolchoice.named"), events=choices(one_by_one(name_again))
    ),
    "no type in tool deltas": Flaw(("tools.stream-once",), events=choices(one_by_one(drop("type")))),
    "empty call ids": both(one_by_one(put(id="")), "tools.shape", "tools.stream-once", "tools.loop"),
    "one id for all calls": both(one_by_one(put(id="call_1")), "tools.parallel", "choices.tools"),
    "arguments as an object": Flaw(
        ("tools.shape", "tools.loop", "toolchoice.required"), reply=success(each(one_by_one(read_arguments)))
    ),
    "arguments lost": Flaw(
        ("tools.shape", "toolchoice.named", "conversation.tools"),
        reply=success(each(one_by_one(lambda call: call["function"].update(arguments="")))),
    ),
    "stop for tool_calls": both(
        finish("tool_calls", "stop"), "tools.finish-reason", "tools.finish-reason-named", "toolchoice.auto"
    ),
    "call indexes over the whole reply": Flaw(("choices.tools",), events=chunks(over_the_reply)),
    "tools ignored": Flaw(
        (
            "tools.shape",
            "tools.stream-index",
            "tools.stream-once",
            "tools.bad-tools",
            "tools.history",
            "toolchoice.auto",
            "toolchoice.required",
            "toolchoice.unknown",
            "conversation.tools",
        ),
        request=drop("tools", "tool_choice", "parallel_tool_calls"),
    ),
    "tool_choice ignored": Flaw(
        ("toolchoice.none", "toolchoice.named", "toolchoice.allowed", "toolchoice.unknown", "toolchoice.required"),
        request=drop("tool_choice"),
    ),
    "parallel_tool_calls ignored": Flaw(("toolchoice.no-parallel",), request=drop("parallel_tool_calls")),
    "bad tools repaired": Flaw(("tools.bad-tools",), request=some_tools),
    "functions ignored": Flaw(("tools.legacy", "tools.legacy-finish"), request=drop("functions", "function_call")),
    "tool_calls for function_call": both(finish("function_call", "tool_calls"), "tools.legacy-finish"),
    "results dropped": Flaw(
        ("tools.loop", "tools.results", "tools.result-without-id", "conversation.tools"),
        request=messages(lambda found: [e for e in found if e["role"] != "tool"] or [{"role": "user", "content": "x"}]),
    ),
    "results in parts blanked": Flaw(("tools.results",), request=parts(lambda found: [{"type": "text", "text": ""}])),
    "an assistant must have content": Flaw(("tools.history", "tools.loop"), request=messages(null_refused)),
    # JSON
    "response_format ignored": Flaw(
        (
            "structured.json-object",
            "structured.schema",
            "structured.stream",
            "structured.not-strict",
            "structured.loose-schema",
            "structured.bad-format",
            "structured.bad-schema",
            "structured.unsatisfiable",
        ),
        request=drop("response_format"),
    ),
    "JSON in a code fence": both(fenced, "structured.json-object", "structured.schema", "structured.stream"),
    "any JSON for a schema": Flaw(
        ("structured.schema", "structured.stream", "structured.loose-schema", "structured.bad-schema"), request=any_json
    ),
    "content_filter for stop": both(finish("stop", "content_filter"), "structured.schema"),
    # choices
    "one choice for all": Flaw(
        (
            "choices.whole",
            "choices.role-once",
            "choices.finish-once",
            "choices.usage",
            "choices.text",
            "choices.interleaved",
            "choices.tools",
        ),
        request=drop("n"),
    ),
    "the role in the first choice only": Flaw(("choices.role-once",), events=chunks(first_role_only)),
    "a usage for each choice": Flaw(("choices.usage",), events=chunks(usage_each)),
    "the usage of one choice": Flaw(("choices.usage",), reply=success(usage_of_one)),
    "one choice after the other": Flaw(("choices.interleaved",), events=chunks(in_turn)),
    "the last choice first": Flaw(("choices.in-order",), events=chunks(last_first)),
    "choices mixed up": Flaw(("choices.text",), events=chunks(mixed_up)),
    "choices without logprobs": Flaw(("choices.whole", "tools.shape"), reply=success(each(drop("logprobs")))),
    # logprobs
    "no logprobs where asked": Flaw(
        ("logprobs.shape", "logprobs.top", "logprobs.text", "logprobs.stream", "logprobs.stop", "logprobs.range"),
        request=drop("logprobs", "top_logprobs"),
    ),
    "logprobs without bytes": both(
        scores(lambda tokens: [drop("bytes")(token) for token in tokens]), "logprobs.shape", "logprobs.stream"
    ),
    "logprobs above zero": both(scores(lambda tokens: [put(logprob=0.5)(token) for token in tokens]), "logprobs.shape"),
    "bytes of something else": both(scores(lambda tokens: [put(bytes=[33])(t) for t in tokens]), "logprobs.shape"),
    "top_logprobs ignored": Flaw(("logprobs.top", "logprobs.range"), request=drop("top_logprobs")),
    "a token not scored": both(scores(lambda tokens: tokens.pop()), "logprobs.text", "logprobs.stream"),
    "the stop text scored": both(scores(leaked), "logprobs.text", "logprobs.stop", "logprobs.stream"),
    "logprobs with the first chunk only": Flaw(("logprobs.stream",), events=chunks(first_scores_only)),
    "logprobs always": Flaw(("logprobs.absent",), request=put(logprobs=True)),
    # thoughts
    "thoughts dropped": both(
        of_said(drop("reasoning", "reasoning_content")), "reasoning.whole", "reasoning.stream", "reasoning.absent"
    ),
    "thoughts in the content": both(spoken_thoughts, "reasoning.whole", "reasoning.stream-agrees"),
    "one name for thoughts": both(of_said(drop("reasoning")), "reasoning.both-names"),
    "two names that differ": both(
        of_said(lambda said: said.get("reasoning") and put(reasoning="x")(said)), "reasoning.whole", "reasoning.stream"
    ),
    "thoughts after the answer": Flaw(("reasoning.stream",), events=chunks(thoughts_last)),
    "thoughts not counted": Flaw(("reasoning.usage",), reply=success(uncounted), events=every(uncounted)),
    "empty thoughts": both(of_said(lambda said: said.setdefault("reasoning", "")), "reasoning.absent"),
    "thoughts refused in a history": Flaw(("reasoning.history",), request=messages(thoughts_refused)),
    # images
    "images blanked": Flaw(
        (
            "vision.formats",
            "vision.wrong-type",
            "vision.several",
            "vision.stream",
            "vision.not-base64",
            "vision.not-an-image",
            "vision.broken-header",
            "vision.too-many-pixels",
            "vision.schemes",
        ),
        request=parts(text_only),
    ),
    "the first image only": Flaw(("vision.several",), request=parts(lambda found: found[:2])),
    "detail refused": Flaw(("vision.detail",), request=parts(no_detail)),
    "small images only": Flaw(("vision.large",), request=parts(small_images)),
    # conversations
    "conversation_id ignored": Flaw(
        (
            "conversation.history",
            "conversation.stream",
            "conversation.apart",
            "conversation.path",
            "conversation.failed-turn",
            "conversation.left",
            "conversation.concurrent",
            "conversation.tools",
            "conversation.instructions",
            "conversation.bad-id",
        ),
        request=drop("conversation_id"),
    ),
    "one conversation for all": Flaw(("conversation.apart",), request=put(conversation_id="the one")),
    "the path's id ignored": Flaw(
        ("conversation.path", "conversation.path-stream"),
        head=lambda head: re.sub(r"^(POST /api/\w+)/[^/ ]+/chat", r"\1/chat", head),
    ),
    "failures made good": Flaw(("conversation.failed-turn",), request=never_fails),
    "the rest is made for nobody": Flaw(("conversation.left",), deaf=True),
}
