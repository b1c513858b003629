# The examples of the G4F REST API, block by block as they stand in `g4f-rest-api.md`, and what is put into one before
# it runs: the port, and a name for what this machine cannot have.
from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parent / "g4f-rest-api.md").read_text("utf-8")


@dataclass(frozen=True)
class Example:
    """One fenced block: the heading it stands under, its language, its text."""

    number: int
    heading: str
    language: str
    text: str

    def at(self, url: str) -> str:
        """The text with this server in the place of ``http://localhost:1337``."""
        return self.text.replace("http://localhost:1337", url)

    @property
    def document(self) -> Any:
        """A block of JSON, read."""
        return json.loads(self.text)

    def commands(self) -> list[list[str]]:
        """The commands of a block of shell, comments left out."""
        words = shlex.shlex(self.text.replace("\\\n", " "), posix=True, punctuation_chars="\n")
        words.whitespace, words.whitespace_split = " \t", True
        found: list[list[str]] = [[]]
        for word in words:
            if word.strip("\n"):
                found[-1].append(word)
            else:
                found.append([])
        return [command for command in found if command]


def _read() -> list[Example]:
    found: list[Example] = []
    heading, language, lines = "", None, list[str]()
    for line in TEXT.splitlines():
        if line.startswith("```"):
            if language is None:
                language, lines = line[3:], []
            else:
                found.append(Example(len(found), heading, language, "\n".join(lines)))
                language = None
        elif language is not None:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ").replace("`", "")
    return found


EXAMPLES = _read()


def same_shape(shown: Any, got: Any, path: str = "") -> list[str]:
    """Where what we answer is not what is shown: a key that is missing, or a value of another type."""
    if isinstance(shown, dict):
        if not isinstance(got, dict):
            return [f"{path} is no object"]
        missing = [f"{path}.{key} is missing" for key in shown if key not in got]
        there = [same_shape(value, got[key], f"{path}.{key}") for key, value in shown.items() if key in got]
        return sum(there, missing)
    if isinstance(shown, list):
        if not isinstance(got, list):
            return [f"{path} is no array"]
        return [complaint for one in got for complaint in (same_shape(shown[0], one, f"{path}[]") if shown else [])]
    return [] if type(shown) is type(got) or shown is None else [f"{path} is {type(got).__name__}"]
