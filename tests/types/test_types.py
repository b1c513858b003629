# mypy reads the file beside this one as it would read a user's program.
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def test_the_public_types() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(HERE / "public.py")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 0)
