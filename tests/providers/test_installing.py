# What an optional model lacks, as the commands that bring it.
from __future__ import annotations

from pathlib import Path

import pytest

from providers import weights
from providers.installing import lacking, not_installed


def test_what_lacks_is_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path))
    whisper = weights.WEIGHTS["whisper-tiny.en"]
    assert lacking("x", ("json", "wave")) == []
    assert lacking("x", ("json", "no_such_package")) == ["pip install 'g4f-proto[x]'"]
    assert lacking("x", (), whisper) == ["g4f pull whisper-tiny.en"]
    assert lacking("x", ("no_such_package",), whisper) == ["pip install 'g4f-proto[x]'", "g4f pull whisper-tiny.en"]


def test_the_error_tells_them_all() -> None:
    error = not_installed("m", ["one", "two"])
    assert str(error) == "The model 'm' is not installed on this server. To install it: one && two"
    assert (error.status, error.code, error.param) == (404, "model_not_installed", "model")
