"""Responses, OpenAI's newer API: the object, the nine events of a message in their order, calls, thoughts, failures."""

import json

from conformance import named, shapes
from conformance.calls import FUNCTIONS, QUESTION, SCHEMAS, valid
from conformance.case import Failed, case, fail_if
from conformance.found import Found, Json, show
from conformance.message import Reply
from conformance.target import PROMPT, SCRIPTED, Target

PATH = "/responses"
SPEC = "https://github.com/openai/openai-openapi Response, ResponseStreamEvent"
ORDER = (
    "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    "response.output_text.delta", "response.output_text.done", "response.content_part.done",
    "response.output_item.done", "response.completed",
)  # fmt: skip
TOOLS: Json = [{"type": "function", "strict": False, **function} for function in FUNCTIONS]


def asking(target: Target, **fields: object) -> dict[str, object]:
    return {"model": target.model, "input": PROMPT, "max_output_tokens": 64, **fields}


def ask(target: Target, **fields: object) -> Reply:
    return target.post(PATH, json.dumps(asking(target, **fields)).encode())


def made(target: Target, **fields: object) -> Found:
    found = named.whole(target, PATH, asking(target, **fields), "responses")
    found["output"]
    return found


def streamed(target: Target, **fields: object) -> list[Found]:
    return named.stream(target, PATH, asking(target, **fields), "responses")


def calling(target: Target, **fields: object) -> dict[str, object]:
    """Fields of a request that must end in calls of both tools, of the scripted provider in two."""
    model = f"{SCRIPTED}:calls=2" if "scripted" in target.has else target.model
    asked = {"model": model, "input": [QUESTION], "tools": TOOLS, "tool_choice": "required", "max_output_tokens": 400}
    return asked | fields


def items(found: Found, kind: str) -> list[Found]:
    """The items of one type in a response, at least one."""
    of = [item for item in found["output"] if item["type"].text() == kind]
    if not of:
        raise Failed(f"no item of type {kind} in {show(found['output'].value)}")
    return of


def text(found: Found) -> str:
    """The text of a response's messages."""
    parts = [part for item in items(found, "message") for part in item["content"]]
    return "".join(part["text"].text() for part in parts if part["type"].text() == "output_text")


@case("responses.shape", rule=f"{SPEC}: the required keys, the nullable ones included", complaint=23)
def shape(target: Target) -> None:
    """Generated clients refuse a response without them."""
    found = made(target)
    found["object"].equals("response")
    found["status"].equals("completed")
    for name in ("error", "incomplete_details"):
        if found[name].value is not None:
            raise Failed(f"{name} is {show(found[name].value)} in a completed response")
    for name in ("id", "model"):
        if not found[name].text():
            raise Failed(f"{name} is empty")
    for name in (
        "created_at",
        "instructions",
        "metadata",
        "parallel_tool_calls",
        "temperature",
        "tool_choice",
        "tools",
    ):
        found[name]
    for item in items(found, "message"):
        item["role"].equals("assistant")
        item["status"].equals("completed")
        item["id"].text()
        for part in item["content"]:
            part["type"].equals("output_text")
            list(part["annotations"])
    if not text(found).strip():
        raise Failed("the response says nothing")


@case("responses.usage", rule=f"{SPEC}: ResponseUsage", complaint=(2, 23))
def usage(target: Target) -> None:
    """Clients that count what they spend read these names, and no others."""
    for found in (made(target), streamed(target)[-1]["response"]):
        counted = found["usage"]
        counted["input_tokens_details"]["cached_tokens"].integer()
        counted["output_tokens_details"]["reasoning_tokens"].integer()
        counts = [counted[name].integer() for name in ("input_tokens", "output_tokens", "total_tokens")]
        if min(counts) < 0 or counts[0] + counts[1] != counts[2]:
            raise Failed(f"usage does not add up: {counts}")


@case("responses.order", rule=f"{SPEC}: the nine events of one message", complaint=23)
def order(target: Target) -> None:
    """openai-python's stream helper raises at an event whose item or part was not added before."""
    events = streamed(target)
    added = [event for event in named.of(events, ORDER[2]) if event["item"]["type"].text() == "message"]
    if not added:
        raise Failed("no message was added")
    place = added[0]["output_index"].integer()
    named.ordered([event for event in events if event.get("output_index").value in (None, place)], *ORDER)


@case("responses.numbers", rule=f"{SPEC}: sequence_number", complaint=23)
def numbers(target: Target) -> None:
    """A client that was cut off goes on behind the last number it saw."""
    seen = [event["sequence_number"].integer() for event in streamed(target)]
    if seen != sorted(set(seen)) or seen[0] != 0:
        raise Failed(f"sequence numbers {seen[:12]} do not rise from 0")


@case("responses.places", rule=f"{SPEC}: item_id, output_index, content_index", complaint=23)
def places(target: Target) -> None:
    """Deltas are put where they say: an item that was not added, or another id, is an error in every client."""
    events = streamed(target)
    ids = {event["output_index"].integer(): event["item"]["id"].text() for event in named.of(events, ORDER[2])}
    if list(ids) != list(range(len(ids))):
        raise Failed(f"items are added at {list(ids)}")
    for event in events:
        if "item_id" in event:
            event["item_id"].equals(ids.get(event["output_index"].integer()))
        if event["type"].text() in ORDER[3:7]:
            event["content_index"].equals(0)
    for event in named.of(events, "response.output_text.delta"):
        list(event["logprobs"])


@case("responses.agrees", rule="a stream is the same answer in pieces", complaint=23)
def agrees(target: Target) -> None:
    """The text is told four times: in deltas, in `done`, in the item, in the completed response. All are one text."""
    events = streamed(target)
    deltas = "".join(event["delta"].text() for event in named.of(events, "response.output_text.delta"))
    last = events[-1]["response"]
    told = {
        "done": "".join(event["text"].text() for event in named.of(events, "response.output_text.done")),
        "the response": text(last),
    }
    if "scripted" in target.has:
        told["a whole reply"] = text(made(target))
    fail_if([f"{name} says {show(said)}, the deltas {show(deltas)}" for name, said in told.items() if said != deltas])
    items = [event["item"].value for event in named.of(events, "response.output_item.done")]
    if last["output"].value != items:
        raise Failed("the items of the completed response are not those that were done")
    created = events[0]["response"]["id"].text()
    if created != last["id"].text():
        raise Failed("the response that was completed has another id than the one that was created")


@case("responses.length", rule=f"{SPEC}: incomplete_details.reason", needs=("scripted",), complaint=(11, 23))
def length(target: Target) -> None:
    """An answer that was cut looks complete to a client that is not told."""
    fields: dict[str, object] = {"model": f"{SCRIPTED}:tokens=64", "max_output_tokens": 16}
    last = streamed(target, **fields)[-1]
    last["type"].equals("response.incomplete")
    for found in (made(target, **fields), last["response"]):
        found["status"].equals("incomplete")
        found["incomplete_details"]["reason"].equals("max_output_tokens")


@case("responses.calls", rule=f"{SPEC}: FunctionToolCall, ResponseFunctionCallArguments*Event", complaint=(4, 23))
def calls(target: Target) -> None:
    """Two calls are two items, their arguments streamed into each."""
    fields = calling(target)
    made(target, **fields)
    events = streamed(target, **fields)
    pieces: dict[int, str] = {}
    for event in named.of(events, "response.function_call_arguments.delta"):
        place = event["output_index"].integer()
        pieces[place] = pieces.get(place, "") + event["delta"].text()
    for event in named.of(events, "response.function_call_arguments.done"):
        event["arguments"].equals(pieces.get(event["output_index"].integer(), ""))
    found = items(events[-1]["response"], "function_call")
    if len({item["call_id"].text() for item in found}) < len(found):
        raise Failed("two calls have one call_id")
    for item in found:
        if item["name"].text() not in SCHEMAS:
            raise Failed(f"a call of {item['name'].text()!r}")
        valid(item["arguments"].text(), SCHEMAS[item["name"].text()], "arguments")
    if "scripted" in target.has and len(found) != 2:
        raise Failed(f"{len(found)} calls instead of 2")


@case("responses.loop", rule=f"{SPEC}: function_call and function_call_output are input items", complaint=23)
def loop(target: Target) -> None:
    """The next request holds the last one's items as they came, and what the functions answered."""
    said = made(target, **calling(target))
    results = [
        {"type": "function_call_output", "call_id": item["call_id"].text(), "output": "21 degrees"}
        for item in items(said, "function_call")
    ]
    output = said["output"].value
    assert isinstance(output, list)
    found = made(target, **calling(target, input=[QUESTION, *output, *results], tool_choice="auto"))
    if "scripted" in target.has and "21 degrees" not in text(found):
        raise Failed(f"the answer does not know what the function said: {show(text(found))}")


@case("responses.reasoning", rule=f"{SPEC}: ResponseReasoningSummary*Event", needs=("scripted",), complaint=(22, 23))
def reasoning(target: Target) -> None:
    """Thoughts are an item of their own, before the message."""
    events = streamed(target, model=f"{SCRIPTED}:reasoning=3")
    thought = "".join(event["delta"].text() for event in named.of(events, "response.reasoning_summary_text.delta"))
    item = events[-1]["response"]["output"][0]
    item["type"].equals("reasoning")
    if [part["text"].text() for part in item["summary"]] != [thought] or not thought:
        raise Failed(f"the deltas say {show(thought)}, the item {show(item.value)}")
    if thought in text(events[-1]["response"]):
        raise Failed("the thought stands in the message too")


@case("responses.repeats", rule=f"{SPEC}: a response repeats its request", complaint=(7, 23))
def repeats(target: Target) -> None:
    """What was asked and is told otherwise was not done; clients show it in their logs."""
    asked: dict[str, object] = {"instructions": "Be brief.", "metadata": {"a": "b"}, "max_output_tokens": 99}
    found = made(target, **asked)
    for name, value in asked.items():
        if found[name].value != value:
            raise Failed(f"{name} is {show(found[name].value)} instead of {show(value)}")


@case("responses.input", rule=f"{SPEC}: a string, or items, with parts", complaint=(13, 23))
def forms(target: Target) -> None:
    """A message may be without a type, its content a string or parts, of every role."""
    parts: Json = [{"type": "input_text", "text": PROMPT}]
    said: Json = {"role": "assistant", "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}
    user: Json = {"role": "user", "content": PROMPT}
    given: tuple[Json, ...] = (
        [user],
        [{"type": "message", "role": "user", "content": parts}],
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}],
        [user, said, user],
    )
    wrong = []
    plain = text(made(target))
    for items in given:
        try:
            found = text(made(target, input=items))
            if "scripted" in target.has and found != plain:
                wrong.append(f"{show(items)}: {show(found)} instead of {show(plain)}")
        except Failed as failed:
            wrong.append(f"{show(items)}: {failed}")
    fail_if(wrong)


@case("responses.refusals", rule=f"{SPEC}: max_output_tokens has a minimum of 16", complaint=(7, 17, 23))
def refusals(target: Target) -> None:
    """What is wrong is named by its path; what is not there to go on with is not gone on without."""
    made(target)
    wrong = []
    given: tuple[tuple[str, dict[str, object]], ...] = (
        ("max_output_tokens", {"max_output_tokens": 15}),
        ("temperature", {"temperature": 9}),
        ("input", {"input": None}),
    )
    for param, fields in given:
        try:
            shapes.error(ask(target, **fields), 400, param=param)
        except Failed as failed:
            wrong.append(f"{fields}: {failed}")
    try:
        shapes.error(ask(target, previous_response_id="resp_nobody"), 400, 404, param="previous_response_id")
    except Failed as failed:
        wrong.append(f"previous_response_id: {failed}")
    fail_if(wrong)


@case(
    "responses.failure",
    rule=f"{SPEC}: ResponseErrorEvent, ResponseFailedEvent",
    needs=("scripted",),
    complaint=(14, 23),
)
def failure(target: Target) -> None:
    """A failure before the first word is a status; later it is an event with flat fields, and an end that says so."""
    shapes.error(ask(target, model=f"{SCRIPTED}:error=500", stream=True), 500)
    events = streamed(target, model=f"{SCRIPTED}:error=500,after=2")
    told = named.of(events, "error")[0]
    if not told["message"].text():
        raise Failed("the error says nothing")
    for name in ("code", "param"):
        told[name].text_or_null()
    told["sequence_number"].integer()
    last = events[-1]
    last["type"].equals("response.failed")
    last["response"]["status"].equals("failed")
    last["response"]["error"]["code"].text()
