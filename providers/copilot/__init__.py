"""Microsoft Copilot, as the operator's own account sees it."""

from __future__ import annotations

from .provider import Cookies, Copilot

__all__ = ("Cookies", "Copilot")
