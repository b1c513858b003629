"""The mistakes servers make with tools, JSON, several choices, thoughts, images and conversations: more of `flaws`."""

import re

from .changes import (
    any_json,
    both,
    both_ways,
    by_turns,
    chat_like,
    each,
    fenced,
    finish,
    first_prompt,
    first_role_only,
    first_scores_only,
    from_one,
    in_turn,
    last_first,
    leaked,
    messages,
    mixed_up,
    name_again,
    never_fails,
    no_detail,
    null_refused,
    of_said,
    one_by_one,
    over_the_reply,
    parts,
    read_arguments,
    scores,
    small_images,
    some_tools,
    spelled,
    spoken_thoughts,
    text_only,
    thoughts_last,
    thoughts_refused,
    unbounded,
    uncounted,
    usage_each,
    usage_of_one,
)
from .mutations import choices, chunks, drop, every, put, success
from .proxy import Flaw

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
            "completions.prompts",
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
    "reasoning_effort ignored": Flaw(("reasoning.effort", "errors.newer-options"), request=drop("reasoning_effort")),
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
    # legacy completions
    "a chat's object for a completion's": both_ways(
        put(object="chat.completion"), "completions.shape", "completions.stream"
    ),
    "a message for a text": both(chat_like, "completions.shape", "completions.stream"),
    "echo ignored": Flaw(("completions.echo", "completions.prompts"), request=drop("echo")),
    "the first prompt only": Flaw(("completions.prompts",), request=first_prompt),
    "choices by turns": Flaw(("completions.prompts",), reply=success(each(by_turns)), events=choices(by_turns)),
    "no default of 16": Flaw(("completions.max-tokens",), request=unbounded),
    "suffix, logprobs and best_of ignored": Flaw(
        ("completions.refused",), request=drop("suffix", "logprobs", "best_of")
    ),
    "tokens as text": Flaw(("completions.refused",), request=spelled),
    "a prompt made up": Flaw(("completions.errors",), request=put(prompt="Once upon a time")),
}
