# Several answers to one request, for providers that make one at a time: each copy is a call of its own.
from __future__ import annotations

from dataclasses import replace

from g4f_proto import ChatCall, Event, ForChoice, ProviderEvent, ToolCall, Usage, with_messages

__all__ = ("Tally", "copy_of")


def copy_of(call: ChatCall, index: int) -> ChatCall:
    """The call that makes the answer of that index; with a seed each has its own, or all answers would be the same."""
    seed = call.request.seed
    if seed is not None:
        seed = (seed + index + 2**63) % 2**64 - 2**63  # behind the last seed there is comes the first
        request = call.request.model_copy(update={"seed": seed})
        call = replace(call, request=request, body={**call.body, "seed": seed})
    if call.prompts:
        prompt = call.prompts[index * len(call.prompts) // call.copies]
        call = replace(with_messages(call, [{"role": "user", "content": prompt}]), prompts=(prompt,))
    return replace(call, copies=1)


class Tally:
    """Marks events with their choice and adds up what the copies spent: each prompt once, as OpenAI counts it."""

    def __init__(self, call: ChatCall) -> None:
        self._each = call.copies // max(len(call.prompts), 1)
        self._spent: dict[int, Usage] = {}

    def add(self, event: ProviderEvent, index: int) -> ProviderEvent:
        """The event of one copy as an event of the whole answer."""
        if isinstance(event, Usage):
            self._spent[index] = event
            spent = self._spent.values()
            prompts = {which // self._each: one for which, one in self._spent.items()}.values()
            return Usage(
                prompt_tokens=sum(one.prompt_tokens for one in prompts),
                completion_tokens=sum(one.completion_tokens for one in spent),
                cached_tokens=sum(one.cached_tokens for one in prompts),
                reasoning_tokens=sum(one.reasoning_tokens for one in spent),
            )
        if index == 0 or not isinstance(event, Event):
            return event
        if isinstance(event, ToolCall) and event.id is not None:  # what is deterministic names its calls alike
            event = replace(event, id=f"{event.id}_{index}")
        return ForChoice(index=index, event=event)
