"""A JSON value together with the place it was found at, so that a failure says where.

`reply["choices"][0]["message"]["refusal"]` walks; each step that is not there raises `Failed` naming the path, e.g.
`choices[0].message has no key "refusal"`. Leaves are read with `text()`, `integer()`, ...: each checks the type.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from conformance.case import Failed

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def show(value: object, limit: int = 160) -> str:
    """A value as JSON (or bytes as text) in one short line, for messages."""
    if isinstance(value, bytes):
        text = value[: 2 * limit].decode("utf-8", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n")
    else:
        text = json.dumps(value, default=lambda other: "(omitted)" if other is ... else repr(other))
    return text if len(text) <= limit else text[:limit] + "..."


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value at `path` ("" = the whole document)."""

    value: Json
    path: str = ""

    @property
    def _name(self) -> str:
        return self.path or "the body"

    def __getitem__(self, key: str | int) -> "Found":
        value = self.value
        if isinstance(key, str):
            if not isinstance(value, dict):
                raise Failed(f"{self._name} is not an object: {show(value)}")
            if key not in value:
                raise Failed(f'{self._name} has no key "{key}": {show(value)}')
            return Found(value[key], f"{self.path}.{key}" if self.path else key)
        if not isinstance(value, list):
            raise Failed(f"{self._name} is not an array: {show(value)}")
        if not -len(value) <= key < len(value):
            raise Failed(f"{self._name} has {len(value)} elements, none at {key}")
        return Found(value[key], f"{self.path}[{key}]")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __iter__(self) -> Iterator["Found"]:
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        if not isinstance(self.value, list):
            raise Failed(f"{self._name} is not an array: {show(self.value)}")
        return len(self.value)

    def get(self, key: str) -> "Found":
        """The value at `key`, or null when the key is absent."""
        return self[key] if key in self else Found(None, f"{self.path}.{key}" if self.path else key)

    def is_null(self) -> bool:
        return self.value is None

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise Failed(f"{self._name} should be a string, is {show(self.value)}")
        return self.value

    def text_or_null(self) -> str | None:
        return None if self.value is None else self.text()

    def integer(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise Failed(f"{self._name} should be an integer, is {show(self.value)}")
        return self.value

    def number(self) -> float:
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise Failed(f"{self._name} should be a number, is {show(self.value)}")
        return self.value

    def object(self) -> dict[str, Json]:
        if not isinstance(self.value, dict):
            raise Failed(f"{self._name} should be an object, is {show(self.value)}")
        return self.value

    def equals(self, expected: Json) -> None:
        """Fail unless the value is `expected`, of the same JSON type."""
        if self.value != expected or isinstance(self.value, bool) != isinstance(expected, bool):
            raise Failed(f"{self._name} should be {show(expected)}, is {show(self.value)}")
