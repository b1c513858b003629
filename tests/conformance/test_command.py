"""The command: its table, its exit status, and one clear line when there is nobody."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.__main__ import main
from conformance.servers import KEY, ServerError, running
from conformance.target import Target

from .flaws import FLAWS
from .proxy import Proxy


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_nothing_failed(right: Target, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, said = run(str(right.url), "--key", KEY, "--room", "models", "--case", "chat.shape", "--json", str(report))
    assert code == 0
    assert said.splitlines()[0] == f"{right.url}  model scripted"
    assert "\nmodels\n  PASS   list\n" in said
    assert "\nchat\n  PASS   shape\n" in said
    entries = json.loads(report.read_text())
    assert {entry["outcome"] for entry in entries} == {"PASS"}
    assert all(entry["rule"] and entry["why"] for entry in entries)


def test_something_failed(right: Target) -> None:
    with Proxy(right.url, FLAWS["role in every chunk"]) as url:
        code, said = run(str(url), "--key", KEY, "--case", "stream.role-once")
    assert code == 1
    assert "FAIL   role-once                  role in the chunks [0, 1, " in said
    assert "1 FAIL in " in said


def test_what_does_not_apply_is_told_with_its_reason(right: Target) -> None:
    code, said = run(str(right.url), "--key", KEY, "--model", "other", "--case", "failures.status")
    assert code == 0
    assert "N/A    status                     the model asked is not `scripted`" in said


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, said = run(f"http://127.0.0.1:{port}")
    assert code == 2
    assert said.startswith("conformance: cannot connect to ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("ftp://x",), ("http://127.0.0.1", "--room", "nowhere")])
def test_what_cannot_be_judged(arguments: tuple[str, ...]) -> None:
    code, said = run(*arguments)
    assert code == 2
    assert len(said.splitlines()) == 1


def test_a_backend_that_does_not_start_is_told() -> None:
    with (
        pytest.raises(ServerError, match=r"did not get ready: [^$]*--no-such-option"),
        running("h11-asyncio", "--no-such-option"),
    ):
        pass
