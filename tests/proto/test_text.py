# Quoting that cannot fail, and stop sequences that never leak, wherever the deltas' borders are.
from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import StopFilter
from g4f_proto._text import ThinkSplitter, quote, quoted


@given(st.text(st.characters()))
def test_any_str_has_an_ascii_literal(text: str) -> None:
    literal = quote(text)
    assert literal.isascii()
    assert literal.isprintable()
    assert json.loads(literal) == json.loads(json.dumps(text))
    assert quoted(text) == literal.encode()


def test_null() -> None:
    assert quoted(None) == b"null"
    assert quoted("") == b'""'


def through(stops: list[str], *deltas: str) -> str:
    stop = StopFilter(stops)
    return "".join(map(stop.push, deltas)) + stop.flush()


@pytest.mark.parametrize(
    ("stops", "text", "expected"),
    [
        ([], "abc", "abc"),
        (["x"], "abc", "abc"),
        (["b"], "abc", "a"),
        (["a"], "abc", ""),
        (["c"], "abc", "ab"),
        (["abc"], "abc", ""),
        (["abcd"], "abc", "abc"),
        (["bc", "b"], "abc", "a"),
        (["b", "bc"], "abc", "a"),
        (["bc", "abcd"], "abcd", "a"),  # `bc` is complete first
        (["abc", "bc"], "abc", ""),  # both end together: the one that begins first
        (["aab"], "aaab", "a"),
        (["abab"], "abaabab", "aba"),
        (["\n\n"], "a\nb\n\nc", "a\nb"),
        (["😀"], "a😀b", "a"),
        (["\ud83d"], "a\ud83db", "a"),
    ],
)
def test_at_every_split(stops: list[str], text: str, expected: str) -> None:
    for count in range(min(len(text), 5)):
        for places in itertools.combinations(range(1, len(text)), count):
            edges = [0, *places, len(text)]
            assert through(stops, *(text[a:b] for a, b in itertools.pairwise(edges))) == expected
    assert through(stops, *text) == expected


TEXT = st.text("ab", max_size=14)


@given(st.lists(st.text("ab", min_size=1, max_size=4), max_size=4), TEXT, st.lists(st.integers(0, 14), max_size=6))
def test_any_split_gives_the_same_and_no_stop_leaks(stops: list[str], text: str, places: list[int]) -> None:
    edges = [0, *sorted(places), len(text)]
    out = through(stops, *(text[a:b] for a, b in itertools.pairwise(edges)))
    assert out == through(stops, text) == through(stops, *text)
    assert text.startswith(out)
    assert not any(stop in out for stop in stops)
    assert (out == text) == (not any(stop in text for stop in stops))


@given(st.lists(st.text("ab", min_size=1, max_size=4), max_size=4), TEXT)
def test_no_more_is_held_back_than_could_become_a_stop(stops: list[str], text: str) -> None:
    stop = StopFilter(stops)
    out = ""
    for end in range(len(text)):
        out += stop.push(text[end])
        if stop.ended:
            assert stop.flush() == stop.push("more") == ""
            return
        held = text[len(out) : end + 1]
        assert held == "" or any(one.startswith(held) for one in stops)


def test_the_end_is_told() -> None:
    stop = StopFilter(["END"])
    assert (stop.push("text E"), stop.ended) == ("text ", False)
    assert (stop.push("ND more"), stop.push("and more"), stop.flush()) == ("", "", "")
    assert stop.ended


def split(*deltas: str) -> tuple[str, str]:
    splitter = ThinkSplitter()
    parts = [splitter.push(delta) for delta in deltas]
    held, thinking = splitter.flush(), splitter.thinking
    thought, answer = ("".join(part) for part in zip(("", ""), *parts, strict=True))
    return (thought + held, answer) if thinking else (thought, answer + held)


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>hm</think>yes", "hm", "yes"),
        (" \n<think>\n\nhm\n\nso\n</think>\n\nyes\n", "hm\n\nso", "yes\n"),
        ("<think></think>yes", "", "yes"),
        ("<think>\n\n</think>\n\nyes", "", "yes"),
        ("<think>a</thin</think>b", "a</thin", "b"),
        ("<think>a\n</b\n\n<</think>b<think>c</think>", "a\n</b\n\n<", "b<think>c</think>"),
        ("no <think>hm</think>", "", "no <think>hm</think>"),
        ("\n\nyes", "", "\n\nyes"),
        ("<thin", "", "<thin"),
        ("  ", "", "  "),
        ("<think>never\n\nended", "never\n\nended", ""),
        ("<think>a\n</thi", "a\n</thi", ""),
        ("", "", ""),
    ],
)
def test_thoughts_at_every_split(text: str, thought: str, answer: str) -> None:
    assert split(text) == split(*text) == (thought, answer)
    for a, b in itertools.combinations_with_replacement(range(len(text) + 1), 2):
        assert split(text[:a], text[a:b], text[b:]) == (thought, answer)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "\n", "a", "</", " "]), max_size=8).map("".join))
def test_any_split_of_thoughts_gives_the_same(text: str) -> None:
    assert split(text) == split(*text)


def test_a_model_that_only_breaks_lines_in_its_thought_is_not_read_again_and_again() -> None:
    splitter = ThinkSplitter()
    splitter.push("<think>a")
    for _ in range(3000):
        assert splitter.push("\n") == ("", "")
        assert len(splitter._held) < 10
    assert splitter.push("b") == ("\n" * 3000 + "b", "")


@pytest.mark.parametrize("stop", ["😀", "a😀b", "x😀"])
def test_a_stop_that_is_split_within_a_surrogate_pair(stop: str) -> None:
    units = stop.encode("utf-16-le")
    pieces = [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]
    found = StopFilter([stop])
    assert "".join(map(found.push, ["so ", *pieces, " more"])) == "so "
    assert found.ended
    other = StopFilter([stop])
    said = "".join(map(other.push, ["so \ud83d", "\ude01 and", " \ud83d"])) + other.flush()
    assert said == "so 😁 and \ud83d"
    assert not other.ended
