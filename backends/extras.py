# What is not in the core: a package that is missing is told in one line, with the command that installs it.
from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ("MissingExtra", "need")


class MissingExtra(ImportError):
    """A package of one of this project's extras is not installed; the message has the command."""


def need(package: str, *, extra: str, module: str = "") -> None:
    """Make sure that `package` can be imported; `module` is the ``__name__`` of the module that needs it.

    :raises MissingExtra: it cannot.
    :raises SystemExit: it cannot, and `module` is being run as a command: a user sees one line, not a traceback.
    """
    if find_spec(package) is not None:
        return
    message = f"the package '{package}' is not installed: pip install 'g4f-proto[{extra}]'"
    if module == "__main__":
        print(f"Error: {message}", file=sys.stderr)
        raise SystemExit(2)
    raise MissingExtra(message)
