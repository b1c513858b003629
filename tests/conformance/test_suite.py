"""Every case against every server of ours. `N/A` is a failure here, unless the table below gives a reason."""

import pytest

from conformance import rooms
from conformance.case import CASES, Case, Outcome, judge
from conformance.servers import SERVERS, Server
from conformance.target import Target

#: case -> server -> why the case says nothing there
NOT_APPLICABLE: dict[str, dict[str, str]] = {
    "http.expect-refused": {
        "quart": "Hypercorn sends 100 Continue by itself, before the application sees the request",
        "sanic": "Sanic sends 100 Continue by itself, before the application sees the request",
    },
}
#: case -> server -> what is broken there and cannot be mended from here; docs/backends.md tells it too
BROKEN: dict[str, dict[str, str]] = {
    "http.chunked-body": {"sanic": "Sanic refuses chunked bodies that end in trailers"},
}


@pytest.mark.parametrize("server", SERVERS, indirect=True)
@pytest.mark.parametrize("case", rooms.load(), ids=lambda case: case.id)
def test_case(server: Server, target: Target, case: Case, request: pytest.FixtureRequest) -> None:
    before = len(server.said)
    verdict = judge(case, target)
    assert not (text := server.traceback(before)), text
    name = request.node.callspec.params["server"]
    if verdict.outcome is Outcome.NOT_APPLICABLE and name in NOT_APPLICABLE.get(case.id, {}):
        pytest.skip(NOT_APPLICABLE[case.id][name])
    if name in BROKEN.get(case.id, {}):
        assert verdict.outcome is Outcome.FAIL, "it is mended: take it out of BROKEN"
        pytest.xfail(BROKEN[case.id][name])
    assert verdict.outcome is Outcome.PASS, f"{verdict.outcome.value}: {verdict.detail}\nrule: {case.rule}\n{case.why}"


def test_exceptions_name_cases_and_servers() -> None:
    for table in (NOT_APPLICABLE, BROKEN):
        assert table.keys() <= CASES.keys()
        assert {name for reasons in table.values() for name in reasons} <= SERVERS.keys()
