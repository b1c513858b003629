# Requests as pydantic models, and pydantic's complaints in OpenAI's words.
#
# Three steps, each with its own errors: bytes -> JSON (`_json`), JSON -> a typed model (`validate`), and what one
# model's chosen provider can honour (`_capabilities`). A stranger's bytes never raise anything but InvalidRequest.
from __future__ import annotations

from ._json import parse
from ._validate import validate

__all__ = ("parse", "validate")
