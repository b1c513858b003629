# A chat's parameters have other names in the APIs that are answered as a chat; an error tells the client's own.
from __future__ import annotations

from collections.abc import Mapping

from .._errors import ApiError

__all__ = ("rename",)


def rename(error: ApiError, names: Mapping[str, str]) -> None:
    """Let `error` name what the client sent, and not what was made of it.

    :param names: a chat's parameter -> the field it came from.
    """
    name = (error.param or "").partition(".")[0].partition("[")[0]
    if name in names:
        error.param = names[name]
        error.message = error.message.replace(f"'{name}'", f"'{error.param}'")
