# schemathesis believes the description and looks for what contradicts it: a status that is not there, an answer of
# another shape, a failure, a request without a key that is answered. Its phase `coverage` asks hundreds of questions
# more and takes minutes: `schemathesis run URL/openapi.json`.
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from g4f_proto import Api, Exchange, RequestHead
from tests.backends.conftest import SERVERS, Server, started

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
]


def description() -> bytes:
    head = RequestHead("GET", b"/openapi.json", {b"x-api-key": b"k"})
    return Exchange(head, Api(keys=("k",)), id="0" * 32, created=0).receive_end()


schema = schemathesis.openapi.from_dict(json.loads(description()))
schema.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        running = []
        for name, loop in (SERVERS[server] for server in ("h11-trio", "quart", "sanic")):
            folder = tmp_path_factory.mktemp(name)
            places = ("--cookies-dir", str(folder / "cookies"), "--media-dir", str(folder / "media"))
            options = ("--port", "0", "--loop", loop, "--g4f-api-key", "k", "--model", "scripted", *places)
            # What is installed here takes seconds for an answer; `scripted` takes what schemathesis asks as well.
            others = ("--ignored-providers", "Hibari,Local,MiniLM,Whisper")
            running.append(stack.enter_context(started("-m", f"backends.{name}", *options, *others)))
        yield running


OPERATIONS = [result.ok() for result in schema.get_all_operations()]


# Not `schema.parametrize()`: its tests have all one name, and pytest-xdist runs one of each name.
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_what_it_says_is_so(operation: Any, servers: list[Server]) -> None:
    @settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        if isinstance(case.body, dict):
            case.body.pop("timeout", None)  # an answer that may take no time is a 504, as it should be
            if "images" in case.path:
                case.body.setdefault("size", "64x64")  # a large one is a third of a second's work
        servers.append(servers.pop(0))  # in turns: the description is the same, and the machine behind it
        case.call_and_validate(base_url=servers[0].url, headers={"Authorization": "Bearer k"}, checks=CHECKS)

    holds()


EXAMPLES = [
    (path.replace("{provider}", "Scripted").replace("{conversation_id}", "conv-123"), example["value"])
    for path, item in schema.raw_schema["paths"].items()
    for content in item.get("post", {}).get("requestBody", {}).get("content", {}).values()
    for example in content.get("examples", {}).values()
]


def test_its_examples_are_answered(servers: list[Server]) -> None:
    for path, body in EXAMPLES:
        reply = httpx2.post(servers[0].url + path, json=body, headers={"x-api-key": "k"})
        assert reply.status_code == 200, (path, body, reply.text)
