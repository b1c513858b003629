# Counting tokens offline: the real vocabulary where it is installed, an estimate where it is not.
from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from providers.tokens import _counter, count_tokens, estimate_tokens


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    _counter.cache_clear()
    yield
    _counter.cache_clear()


def test_o200k() -> None:
    pytest.importorskip("toktok", reason="needs the extra 'tokens'")
    # as tiktoken's o200k_base has them
    assert count_tokens(["hello world"]) == 2
    assert count_tokens(["hello", " world"]) == 2
    assert count_tokens(["antidisestablishmentarianism"]) == 6
    assert count_tokens(["<|endoftext|>"]) == 7, "a text that spells a special token is text"
    assert count_tokens(["\ud83d"]) == count_tokens(["?"]) == 1
    assert count_tokens([]) == count_tokens([""]) == 0


def test_an_estimate_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "toktok", None)
    assert count_tokens(["hello world"]) == estimate_tokens(["hello world"]) == 3
    assert count_tokens(["", "a", "abcd", "abcde"]) == 0 + 1 + 1 + 2
    assert count_tokens(["\ud83d", "漢字"]) == 1 + 2
