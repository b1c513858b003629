# What arrays and objects share: the way to ask for values of their parts.
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from .case import Goal
from .document import Document

__all__ = ("Inside", "smallest")


@dataclass(frozen=True, slots=True)
class Inside:
    """What a compound may ask about its parts.

    :param values: values for a goal one level down.
    :param fail: hears where and why there is no compound.
    :param shown: whether it shows its shape (optional properties, one item in a list) or is as small as it can be.
    """

    document: Document
    values: Callable[[Goal], Iterator[JsonValue]]
    fail: Callable[[str, str], None]
    shown: bool


def smallest(limits: Iterable[int | None]) -> int | None:
    """The limit that binds; None if there is none."""
    return min((limit for limit in limits if limit is not None), default=None)
