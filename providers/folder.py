# Where this machine keeps what is neither code nor settings: weights, files that were made, cookies.
from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ("data_folder",)


def data_folder(name: str) -> Path:
    """``$G4F_DATA_DIR/name``, by default `name` in the user's data folder; it need not be there yet."""
    return Path(os.environ.get("G4F_DATA_DIR") or platformdirs.user_data_dir("g4f-proto", appauthor=False), name)
