"""Which tools are called, if any: `tool_choice` and `parallel_tool_calls`, honoured or refused, never ignored."""

from conformance import shapes
from conformance.calls import BOTH, SCHEMAS, ask, asking, assembled, deltas, named, whole
from conformance.case import Failed, case, fail_if
from conformance.found import show
from conformance.target import OMIT, Target, completed

REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest"
CHOICE = "https://github.com/openai/openai-openapi ChatCompletionToolChoiceOption"
NAMED = {"type": "function", "function": {"name": "get_time"}}


@case("toolchoice.no-parallel", rule=f"{REQUEST}.parallel_tool_calls: false allows one call", complaint=7)
def no_parallel(target: Target) -> None:
    """Programs that turned it off index tool_calls[0] and answer one id; a second call stays open for ever."""
    fields: dict[str, object] = {"messages": [BOTH], "parallel_tool_calls": False}
    ask(target, 2, messages=[BOTH])
    reply = target.chat_reply(**asking(target, 2, **fields))
    calls = [whole(completed(shapes.offered(reply, "parallel_tool_calls"))["choices"][0])]
    calls.append(assembled(target.stream(**asking(target, 2, **fields))))
    if any(len(some) > 1 for some in calls):
        raise Failed(f"{[len(some) for some in calls]} calls, whole and streamed, with parallel_tool_calls: false")


@case("toolchoice.none", rule=f"{CHOICE}: none means the model will not call any tool", complaint=7)
def none_(target: Target) -> None:
    """The last turn of an agent asks for words; a call there is never answered."""
    ask(target)
    for fields in (asking(target, 2, tool_choice="none"), asking(target, 2, tools=[], tool_choice=None)):
        choice = target.chat(**fields)["choices"][0]
        if choice["message"].get("tool_calls").value or choice["finish_reason"].value == "tool_calls":
            raise Failed(f"tool_choice {fields['tool_choice']}: {show(choice.value)}")
        choice["message"]["content"].text()
        if deltas(target.stream(**fields)):
            raise Failed(f"tool_choice {fields['tool_choice']}, and the stream has calls")


@case("toolchoice.auto", rule=f"{CHOICE}: auto is the default if tools are present", complaint=7)
def auto(target: Target) -> None:
    """Whether it calls is the model's business; what it says must then agree with its finish_reason."""
    ask(target)
    for value in ("auto", None, OMIT):
        choice = target.chat(**asking(target, tool_choice=value))["choices"][0]
        called = bool(choice["message"].get("tool_calls").value)
        if called:
            named(whole(choice), *SCHEMAS)
        else:
            choice["message"]["content"].text()
        if called != (choice["finish_reason"].text() == "tool_calls"):
            raise Failed(f"tool_choice {value!r}: finish_reason {choice['finish_reason'].text()!r}, calls: {called}")
        if "scripted" in target.has and not called:
            raise Failed(f"tool_choice {value!r}: no call after a user's turn")


@case("toolchoice.required", rule=f"{CHOICE}: required means the model must call one or more tools", complaint=7)
def required(target: Target) -> None:
    """Routers are built on it: the answer is a function, whatever was said."""
    for words in ("What is the weather in Paris?", "Thank you, goodbye."):
        named(whole(ask(target, 0, messages=[{"role": "user", "content": words}])), *SCHEMAS)


@case("toolchoice.named", rule=f"{CHOICE}: a particular tool forces the model to call that tool", complaint=7)
def named_tool(target: Target) -> None:
    """Extraction names its tool; another one's arguments do not fit its parser."""
    ask(target)
    for name in SCHEMAS:
        fields = asking(target, 0, tool_choice={"type": "function", "function": {"name": name}})
        named(whole(target.chat(**fields)["choices"][0]), name)
        named(assembled(target.stream(**fields)), name)


@case("toolchoice.allowed", rule="https://github.com/openai/openai-openapi ChatCompletionAllowedTools", complaint=7)
def allowed(target: Target) -> None:
    """All tools stay in the prompt, for its cache, and some may be called: the others must not."""
    ask(target)
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}
    reply = shapes.offered(target.chat_reply(**asking(target, 2, tool_choice=allowed)), "allowed_tools")
    named(whole(completed(reply)["choices"][0]), "get_time")
    named(assembled(target.stream(**asking(target, 2, tool_choice=allowed))), "get_time")


@case("toolchoice.unknown", rule="api.openai.com: 400 for a tool_choice that is not among the tools", complaint=7)
def unknown(target: Target) -> None:
    """A typo in a name is told; answering with words instead hides it."""
    ask(target)
    other = {"type": "function", "function": {"name": "nobody"}}
    wrong = []
    for name, fields in {
        "an unknown name": asking(target, tool_choice=other),
        "required without tools": asking(target, tools=OMIT),
        "no such choice": asking(target, tool_choice="sometimes"),
    }.items():
        try:
            shapes.error(target.chat_reply(**fields), 400)
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)
