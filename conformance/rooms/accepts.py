"""What a request may carry: roles, forms of content, nulls, and fields the server has never heard of."""

from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found
from conformance.target import OMIT, Target

REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest"
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}


def user(text: str = "Hello there") -> dict[str, object]:
    return {"role": "user", "content": text}


def parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def refused(target: Target, variants: dict[str, dict[str, object]]) -> list[str]:
    """The variants that are not answered with a completion."""
    wrong = []
    for name, fields in variants.items():
        try:
            target.chat(**({"max_tokens": 2} | fields))
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    return wrong


def prompt_tokens(found: Found) -> int:
    count = found["usage"]["prompt_tokens"].integer()
    if not count:
        raise NotApplicable("usage counts no prompt tokens, so what was read cannot be seen")
    return count


@case(
    "accepts.unknown-fields",
    rule="vllm-project/vllm PR 10463, livekit/agents#1276, anomalyco/opencode#43089",
    complaint=6,
)
def unknown_fields(target: Target) -> None:
    """Clients send what the newest OpenAI API has; a 400 there locks every one of them out."""
    fail_if(
        refused(
            target,
            {
                "an unknown field": {"surprise": {"a": [1]}},
                "an unknown field in a message": {"messages": [user() | {"cache_control": {"type": "ephemeral"}}]},
                "an unknown field in a part": {
                    "messages": [{"role": "user", "content": [parts("hi")[0] | {"cache_control": {}}]}]
                },
                "a message with a name": {"messages": [user() | {"name": "bob"}]},
            },
        )
    )


@case("accepts.newer-fields", rule=f"{REQUEST}: optional fields", complaint=6)
def newer_fields(target: Target) -> None:
    """Each of these is sent by default by some widespread client."""
    variants: dict[str, object] = {
        "store": False,
        "metadata": {"run": "1"},
        "user": "u1",
        "service_tier": "auto",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "tools": [],
        "stream_options": None,
        "parallel_tool_calls": None,
        "response_format": {"type": "text"},
        "logit_bias": {},
    }
    fail_if(refused(target, {name: {name: value} for name, value in variants.items()}))


@case("accepts.nulls", rule=f"{REQUEST}: nullable options", complaint=6)
def nulls(target: Target) -> None:
    """Typed clients (Java, Go, C#) serialise what is not set as null."""
    options = "temperature top_p n stop stream max_completion_tokens presence_penalty frequency_penalty logit_bias "
    options += (
        "logprobs top_logprobs seed tools tool_choice response_format metadata store user stream_options modalities"
    )
    names = options.split()
    together = refused(target, {"all at once": dict.fromkeys(names)})
    fail_if(refused(target, {f"{name}: null": {name: None} for name in names}) if together else [])
    fail_if(together + refused(target, {"max_tokens: null": {"max_tokens": None, "max_completion_tokens": 2}}))


@case("accepts.bounds", rule=f"{REQUEST}: minimum and maximum are inclusive")
def bounds(target: Target) -> None:
    """A test written with < instead of <= refuses the commonest value of all, temperature 0."""
    edges: dict[str, tuple[object, ...]] = {
        "temperature": (0, 2, 0.0, 1),
        "top_p": (1, 0.01),
        "presence_penalty": (-2, 2),
        "frequency_penalty": (-2.0, 2.0),
        "stop": ("x", ["x"], ["w", "x", "y", "z"]),
        "seed": (0, 2**31 - 1),
    }
    variants: dict[str, dict[str, object]] = {
        f"{name}={value!r}": {name: value} for name, values in edges.items() for value in values
    }
    fail_if(refused(target, variants))


@case("accepts.parts", rule="ggml-org/llama.cpp#8367, lemonade-sdk/lemonade#629, mudler/LocalAI#10552", complaint=13)
def content_parts(target: Target) -> None:
    """Editors send content as parts always; refused or blanked, the model answers to nothing."""
    wrong = []
    for role in ("user", "system", "assistant", "tool"):
        extra = {"tool_call_id": "call_1"} if role == "tool" else {}
        before = [user(), {"role": "assistant", "content": "ok", "tool_calls": [CALL]}] if role == "tool" else []
        after = [] if role == "user" else [user("And now?")]
        texts = ("alpha beta gamma", parts("alpha beta gamma"))
        try:
            counts = [
                target.chat(max_tokens=8, messages=[*before, {"role": role, "content": text} | extra, *after])["usage"][
                    "prompt_tokens"
                ].integer()
                for text in texts
            ]
        except Failed as failed:
            wrong.append(f"{role}: {failed}")
            continue
        if not counts[0]:
            raise NotApplicable("usage counts no prompt tokens, so what was read cannot be seen")
        if counts[0] != counts[1]:
            wrong.append(f"{role}: {counts[0]} prompt tokens as a string, {counts[1]} as parts")
    fail_if(wrong)


@case("accepts.several-parts", rule="scripted: text parts are one text", needs=("scripted",), complaint=13)
def several_parts(target: Target) -> None:
    """Only the last part, or the first, is what a careless reader keeps."""
    found = target.chat(messages=[{"role": "user", "content": [*parts("one two"), *parts(" three")]}])
    seen = found["choices"][0]["message"]["content"].text().split()
    if seen != ["one", "two", "three"]:
        raise Failed(f"three words in two parts came back as {seen}")


@case("accepts.developer", rule=f"{REQUEST}.messages: developer replaces system for newer models", complaint=8)
def developer(target: Target) -> None:
    """The SDKs' newer examples use `developer`; servers refuse it or, worse, drop it."""
    fail_if(refused(target, {"developer": {"messages": [{"role": "developer", "content": "Be kind"}, user()]}}))
    without = prompt_tokens(target.chat(messages=[user()], max_tokens=1))
    instructions = (
        "Answer in verse and mention the sea, the wind, an old lighthouse and the three gulls on its roof. " * 4
    )
    counts = {
        role: prompt_tokens(target.chat(messages=[{"role": role, "content": instructions}, user()], max_tokens=1))
        for role in ("developer", "system")
    }
    if counts["developer"] < without + 40:
        raise Failed(f"80 words of `developer` changed the prompt from {without} to {counts['developer']} tokens")
    if "scripted" in target.has and counts["developer"] != counts["system"]:
        raise Failed(f"prompt tokens: {counts}")


@case("accepts.developer-and-system", rule="cloudflare-os#154, tensorzero/tensorzero PR 1276", complaint=8)
def developer_and_system(target: Target) -> None:
    """Frameworks put their own system message before the application's developer message."""
    messages = [{"role": "system", "content": "Be kind"}, {"role": "developer", "content": "Be brief"}, user()]
    fail_if(refused(target, {"system, then developer": {"messages": messages}}))


@case("accepts.assistant-without-content", rule="mistralai/mistral-common#324, vllm-project/vllm#21089", complaint=12)
def assistant_without_content(target: Target) -> None:
    """After a tool call, history holds an assistant message whose content is null, missing or empty."""
    variants: dict[str, dict[str, object]] = {}
    for name, content in (("null", {"content": None}), ("missing", {}), ("empty", {"content": ""})):
        assistant = {"role": "assistant", "tool_calls": [CALL]} | content
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
        variants[f"content {name}"] = {"messages": [user(), assistant, result, user("And now?")]}
    fail_if(refused(target, variants))


@case("accepts.odd-conversations", rule=f"{REQUEST}.messages: any order of roles", complaint=13)
def odd_conversations(target: Target) -> None:
    """Real histories hold two user turns in a row, end with the assistant, or begin with it."""
    hello = {"role": "assistant", "content": "Hello"}
    fail_if(
        refused(
            target,
            {
                "two user messages": {"messages": [user(), user("again")]},
                "assistant first": {"messages": [hello, user()]},
                "system only once more at the end": {
                    "messages": [user(), hello, {"role": "system", "content": "x"}, user()]
                },
                "an empty user message": {"messages": [user("")]},
            },
        )
    )


@case("accepts.no-optional-field", rule=f"{REQUEST}: only model and messages are required")
def no_optional_field(target: Target) -> None:
    """The smallest request of every tutorial."""
    target.chat(max_tokens=OMIT, temperature=OMIT)


@case("accepts.stream-false", rule=f"{REQUEST}.stream: false or null is one JSON")
def stream_false(target: Target) -> None:
    """`"stream": false` is sent explicitly by most clients."""
    for value in (False, None):
        target.chat(stream=value, max_tokens=2)
