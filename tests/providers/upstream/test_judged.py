# The conformance suite judges our server with another one of ours behind it: what holds for one holds for both.
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import rooms
from conformance.case import Case, Outcome, judge
from conformance.message import Url
from conformance.target import Target
from tests.backends.conftest import started

ROOMS = {
    "accepts", "backpressure", "chat", "choices", "delivery", "disconnect", "embeddings", "images", "logprobs",
    "messages", "reasoning", "responses", "speech", "stream", "structured", "toolchoice", "tools", "transcription",
    "vision",
}  # fmt: skip
#: The provider `Scripted` is behind another name here, and what fails there with a 500 is a 502 here.
OTHERWISE = {"chat.routes", "responses.failure"}
CASES = [case for case in rooms.load() if case.room in ROOMS and case.id not in OTHERWISE]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    file: Path = tmp_path_factory.mktemp("judged") / "g4f.toml"
    command = ("-m", "backends.h11", "--port", "0")
    with started(*command, "--alias", "gpt-4o-mini=scripted") as inner:
        file.write_text(f"[providers.Inner]\nbase_url = '{inner.url}/v1'\n")
        options = ("--config", str(file), "--ignored-providers", "Scripted", "--provider", "Inner")
        with started(*command, *options) as outer:
            yield Target(Url.parse(f"{outer.url}/v1"), key=None, model="scripted", timeout=30)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(target: Target, case: Case) -> None:
    verdict = judge(case, target)
    assert verdict.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), f"{verdict.detail}\nrule: {case.rule}"
