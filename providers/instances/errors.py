# Why there is no instance, and the bound on the work of finding one.
from __future__ import annotations

__all__ = ("Budget", "Exhausted", "Unsatisfiable")


class Unsatisfiable(ValueError):
    """There is no instance of the schema, or none that can be made here; the message says where and why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class Exhausted(Exception):
    """The steps that may be taken have been taken, or the value is as large as it may be."""


class Budget:
    """Counts steps, whoever takes them: a schema is a stranger's program, and this is its time limit."""

    __slots__ = ("_left", "_steps")

    def __init__(self, steps: int) -> None:
        self._left = self._steps = steps

    def spend(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left < 0:
            raise Exhausted(f"no instance was found in {self._steps} steps")
