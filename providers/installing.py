# What an optional model still needs on this machine, and the error that tells the commands.
from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from g4f_proto import ModelNotInstalled

from . import weights

__all__ = ("lacking", "not_installed")


def lacking(extra: str, packages: Sequence[str], needed: weights.Weights | None = None) -> list[str]:
    """The commands that install what is not here.

    :param extra: of this distribution, which brings `packages`: they are looked for and not imported.
    """
    package = any(importlib.util.find_spec(name) is None for name in packages)
    commands = [f"pip install 'g4f-proto[{extra}]'"] if package else []
    if needed is not None and not weights.installed(needed):
        commands.append(f"g4f pull {needed.name}")
    return commands


def not_installed(model: str, commands: Sequence[str]) -> ModelNotInstalled:
    """What a call of `model` is told."""
    how = " && ".join(commands)
    return ModelNotInstalled(
        f"The model '{model}' is not installed on this server. To install it: {how}", param="model"
    )
