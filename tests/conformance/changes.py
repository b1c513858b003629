"""How answers and questions are changed: the building blocks of `answers`, as `mutations` are those of `flaws`."""

import json
import re
from collections.abc import Callable, Iterable

from .mutations import choices, every, put, success
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


def both_ways(change: Callable[[Object], object], *cases: str) -> Flaw:
    """The same; `change` takes the whole reply, or a chunk."""
    return Flaw(cases, reply=success(change), events=every(change))


def chat_like(choice: Object) -> None:
    choice["message"] = {"role": "assistant", "content": choice.pop("text")}


def first_prompt(found: Object) -> None:
    if isinstance(found["prompt"], list) and isinstance(found["prompt"][0], str):
        found["prompt"] = [found["prompt"][0]] * len(found["prompt"])


def by_turns(choice: Object) -> None:
    """The first answer to each prompt, then the second to each."""
    choice["index"] = {1: 2, 2: 1}.get(choice["index"], choice["index"])


def unbounded(found: Object) -> None:
    if found.get("max_tokens") is None:
        found["max_tokens"] = 1000


def spelled(found: Object) -> None:
    if isinstance(found["prompt"], list):
        found["prompt"] = str(found["prompt"])
