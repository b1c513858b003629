"""Calls of tools: what they look like, whole and in deltas, when they must and must not come, and how they go on."""

from conformance import shapes
from conformance.calls import (
    BOTH,
    FUNCTIONS,
    QUESTION,
    SCHEMAS,
    TOOLS,
    Call,
    ask,
    asking,
    assembled,
    deltas,
    named,
    stream,
    valid,
    whole,
)
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, show
from conformance.target import SCRIPTED, Stream, Target, completed

REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest"
CHUNK = "https://github.com/openai/openai-openapi ChatCompletionMessageToolCallChunk"
NAMED = {"type": "function", "function": {"name": "get_time"}}


def result(call: Call, content: object) -> dict[str, object]:
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def text_of(choice: Found) -> str:
    return choice["message"]["content"].text()


@case("tools.shape", rule="https://github.com/openai/openai-openapi ChatCompletionMessageToolCall", complaint=5)
def shape(target: Target) -> None:
    """Id, type, name and arguments as JSON text: an object there prints as "[object Object]" in Node."""
    choice = ask(target)
    named(whole(choice), *SCHEMAS)
    choice["message"]["role"].equals("assistant")
    choice["message"]["content"].text_or_null()
    choice["message"]["refusal"].equals(None)
    choice["logprobs"]


@case("tools.finish-reason", rule="vllm-project/vllm PR 9209, strands-agents/sdk-python#3206", complaint=10)
def finish_reason(target: Target) -> None:
    """Agents look at finish_reason to know that it is their turn: "stop" ends the run without the call."""
    ask(target)["finish_reason"].equals("tool_calls")
    seen = _finishes(target.stream(**asking(target)))
    if seen != ["tool_calls"]:
        raise Failed(f"streamed, the finish_reasons are {seen}")


@case("tools.finish-reason-named", rule="Blaizzy/mlx-vlm PR 1014: also where the client named the tool", complaint=10)
def finish_reason_named(target: Target) -> None:
    """Some servers say "stop" here, as OpenAI itself once did; clients that go by finish_reason drop the call."""
    choice = ask(target)
    choice = target.chat(**asking(target, tool_choice=NAMED))["choices"][0]
    seen = [choice["finish_reason"].text(), *_finishes(target.stream(**asking(target, tool_choice=NAMED)))]
    allowed = ("tool_calls",) if "scripted" in target.has else ("tool_calls", "stop")
    if len(seen) != 2 or any(reason not in allowed for reason in seen):
        raise Failed(f"with a named tool the finish_reasons are {seen}, whole and streamed")


def _finishes(seen: Stream) -> list[str]:
    reasons = [choice["finish_reason"].text_or_null() for choice in seen.choices]
    return [reason for reason in reasons if reason]


@case(
    "tools.stream-index", rule=f"{CHUNK}: index is required; ollama/ollama#7881, openai/openai-python#2806", complaint=3
)
def stream_index(target: Target) -> None:
    """Clients put the pieces together by it: without it TypeError, from 1 on IndexError."""
    seen = deltas(stream(target))
    if not seen:
        raise Failed("no delta has tool_calls")
    for delta in seen:
        if delta["index"].integer() < 0:
            raise Failed(f"{delta.path}.index is {delta['index'].integer()}")
    if seen[0]["index"].integer():
        raise Failed(f"the first call has the index {seen[0]['index'].integer()}")


@case("tools.stream-once", rule=f"{CHUNK}; spring-projects/spring-ai#6928: strings of deltas are appended", complaint=5)
def stream_once(target: Target) -> None:
    """A repeated id or name is doubled by every client; a missing type breaks Node's helper."""
    begun: set[int] = set()
    for delta in deltas(stream(target, 2)):
        index, function = delta["index"].integer(), delta.get("function")
        if index in begun:
            again = [name for name in ("id", "type") if delta.get(name).value]
            again += ["name"] if function.get("name").value else []
            if again:
                raise Failed(f"{delta.path}, a later delta of the call {index}, has {again} again: {show(delta.value)}")
        elif not (delta["id"].text() and function["name"].text()):
            raise Failed(f"{delta.path} begins a call without an id or a name: {show(delta.value)}")
        else:
            delta["type"].equals("function")
        begun.add(index)
    if not begun:
        raise Failed("no delta has tool_calls")


@case("tools.stream-role", rule='openai-python and node merge deltas literally: two roles are "assistantassistant"')
def stream_role(target: Target) -> None:
    """The code that writes calls is not the code that writes words, and forgets or repeats the role."""
    roles = [number for number, choice in enumerate(stream(target, 2).choices) if choice["delta"].get("role").value]
    if roles != [0]:
        raise Failed(f"role in the chunks {roles[:5]} instead of in the first only")


@case("tools.stream-valid", rule=f"{CHUNK}: function.arguments in pieces of one JSON text", complaint=(3, 4))
def stream_valid(target: Target) -> None:
    """Put together, the pieces are what the whole reply would have said."""
    calls = assembled(stream(target))
    named(calls, *SCHEMAS)
    if "scripted" in target.has:
        expected = whole(ask(target))
        if [(call.name, call.arguments) for call in calls] != [(call.name, call.arguments) for call in expected]:
            raise Failed(f"streamed {show([call.message() for call in calls])}, whole {show(expected)}")
        if calls[0].fragments < 2:
            raise Failed("the arguments came in one piece")


@case("tools.parallel", rule="vercel/ai PR 14277, ai-dynamo/dynamo PR 4723: one index a call", complaint=4)
def parallel(target: Target) -> None:
    """Two calls at index 0 become one whose arguments are two JSON texts in a row."""
    fields: dict[str, object] = {"messages": [BOTH]}
    for name, calls in (
        ("whole", whole(ask(target, 2, **fields))),
        ("streamed", assembled(stream(target, 2, **fields))),
    ):
        if len(calls) < 2 and "scripted" not in target.has:
            raise NotApplicable("the model makes one call only")
        if len(calls) < 2:
            raise Failed(f"{name}: {len(calls)} calls instead of 2")
        named(calls, *SCHEMAS)


@case("tools.bad-tools", rule=f"{REQUEST}.tools: type and function.name are required, a name is 64 of a-zA-Z0-9_-")
def bad_tools(target: Target) -> None:
    """A tool that the server cannot read is told by its place, not dropped from the list."""
    ask(target)
    bad: dict[str, tuple[object, str]] = {
        "no name": ([{"type": "function", "function": {}}], "tools[0].function.name"),
        "a name of words": ([TOOLS[0], {"type": "function", "function": {"name": "get it"}}], "tools[1].function.name"),
        "no object": (["get_weather"], "tools[0]"),
        "parameters as text": (
            [{"type": "function", "function": {"name": "f", "parameters": "{}"}}],
            "tools[0].function.parameters",
        ),
    }
    wrong = []
    for name, (tools, param) in bad.items():
        try:
            exact = param if "scripted" in target.has else ...
            shapes.error(target.chat_reply(**asking(target, tools=tools)), 400, param=exact)
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)


@case("tools.loop", rule=f"{REQUEST}.messages: call, result, answer", complaint=(10, 12))
def loop(target: Target) -> None:
    """The whole round an agent makes, with what the server itself said put back into the history."""
    call = whole(ask(target))[0]
    said = {"role": "assistant", "content": None, "tool_calls": [call.message()]}
    fields = asking(target, messages=[QUESTION, said, result(call, "17 degrees, sunny")], tool_choice="auto")
    choice = target.chat(**fields)["choices"][0]
    if "scripted" in target.has and text_of(choice) != "17 degrees, sunny":
        raise Failed(f"the answer is {show(text_of(choice))}")
    if not choice["message"].get("tool_calls").value and not text_of(choice):
        raise Failed("neither an answer nor another call")
    again = target.stream(**fields)
    if not (again.text or deltas(again)):
        raise Failed("streamed, neither an answer nor another call")


@case("tools.history", rule="mistralai/mistral-common#324, BerriAI/litellm: all three forms are sent", complaint=12)
def history(target: Target) -> None:
    """An assistant's content beside its calls is null, missing or empty, by the client's language."""
    call = whole(ask(target))[0]
    wrong = []
    for name, content in (("null", {"content": None}), ("missing", {}), ("empty", {"content": ""})):
        said = {"role": "assistant", "tool_calls": [call.message()]} | content
        for choice in ("auto", "none"):
            messages = [QUESTION, said, result(call, "sunny")]
            try:
                target.chat(**asking(target, messages=messages, tool_choice=choice))
            except Failed as failed:
                wrong.append(f"content {name}, tool_choice {choice}: {failed}")
    fail_if(wrong)


@case(
    "tools.results", rule="BerriAI/litellm, ggml-org/llama.cpp#8367: a string and text parts are the same", complaint=13
)
def results(target: Target) -> None:
    """Results of two calls, one a string and one in parts, in any order of their ids."""
    calls = whole(ask(target, 2, messages=[BOTH]))
    if len(calls) < 2:
        calls.append(Call(f"{calls[0].id[:-1]}x", "get_time", "{}"))
    said = {"role": "assistant", "content": None, "tool_calls": [call.message() for call in calls]}
    texts = ["it is sunny", [{"type": "text", "text": "five "}, {"type": "text", "text": "o'clock"}]]
    for order in (calls, calls[::-1]):
        results = [result(call, text) for call, text in zip(order, texts, strict=False)]
        choice = target.chat(**asking(target, messages=[BOTH, said, *results], tool_choice="none"))["choices"][0]
        if "scripted" in target.has and text_of(choice) != "it is sunny five o'clock":
            raise Failed(f"the results came back as {show(text_of(choice))}")


@case("tools.result-without-id", rule=f"{REQUEST}.messages: tool_call_id is required of role tool")
def result_without_id(target: Target) -> None:
    """A result that belongs to nothing is told by its place."""
    call = whole(ask(target))[0]
    said = {"role": "assistant", "content": None, "tool_calls": [call.message()]}
    messages = [QUESTION, said, {"role": "tool", "content": "sunny"}]
    exact = "messages[2].tool_call_id" if "scripted" in target.has else ...
    shapes.error(target.chat_reply(**asking(target, messages=messages)), 400, param=exact)


@case("tools.legacy", rule=f"{REQUEST}.functions, .function_call: deprecated, and still sent")
def legacy(target: Target) -> None:
    """Programs of 2023 read message.function_call; tool_calls they do not know."""
    fields: dict[str, object] = {"messages": [QUESTION], "functions": FUNCTIONS, "max_tokens": 400}
    fields["function_call"] = {"name": "get_weather"}
    choice = completed(shapes.offered(target.chat_reply(**fields), "functions"))["choices"][0]
    called = choice["message"]["function_call"]
    called["name"].equals("get_weather")
    valid(called["arguments"].text(), SCHEMAS["get_weather"], "arguments")
    if choice["message"].get("tool_calls").value:
        raise Failed("function_call and tool_calls, both")
    pieces = [one["delta"].get("function_call") for one in target.stream(**fields).choices]
    name, arguments = (
        "".join(piece.get(key).text_or_null() or "" for piece in pieces) for key in ("name", "arguments")
    )
    if name != "get_weather" or (arguments != called["arguments"].text() and "scripted" in target.has):
        raise Failed(f"streamed, {show(name)} was called with {show(arguments)}")
    valid(arguments, SCHEMAS["get_weather"], "streamed arguments")
    said = {"role": "assistant", "content": None, "function_call": called.object()}
    answer = {"role": "function", "name": "get_weather", "content": "sunny"}
    target.chat(messages=[QUESTION, said, answer], functions=FUNCTIONS, model=target.model)


@case(
    "tools.legacy-finish",
    rule="https://github.com/openai/openai-openapi: finish_reason function_call",
    needs=("scripted",),
)
def legacy_finish(target: Target) -> None:
    """The deprecated call has its own finish_reason, in whole replies and streams."""
    fields: dict[str, object] = {"model": SCRIPTED, "messages": [QUESTION], "functions": FUNCTIONS}
    target.chat(**fields)["choices"][0]["finish_reason"].equals("function_call")
    seen = _finishes(target.stream(**fields))
    if seen != ["function_call"]:
        raise Failed(f"streamed, the finish_reasons are {seen}")
