# The core does no I/O: an allow-list over its imports, and the proof that the import contract fails when someone tries.
from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import g4f_proto

ROOT = Path(g4f_proto.__file__).parent.parent
#: The standard library's pure parts, module by module; `urllib` is pure only where it parses.
PURE = {
    "__future__", "abc", "array", "base64", "binascii", "bisect", "collections", "collections.abc", "dataclasses",
    "datetime", "email.utils", "enum", "functools", "hashlib", "hmac", "json", "json.decoder", "json.encoder", "math",
    "re", "struct", "typing", "urllib.parse",
}  # fmt: skip
LIBRARIES = {"multipart", "pydantic", "pydantic.json_schema", "pydantic_core"}
CONTRACT = "The core does no I/O and knows no clock, chance, environment or async"


def sources() -> list[Path]:
    found = sorted((ROOT / "g4f_proto").rglob("*.py"))
    assert len(found) > 10
    return found


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""


def test_only_what_is_pure_is_imported() -> None:
    seen = set()
    for path in sources():
        for line, name in imported(ast.parse(path.read_text("utf-8"))):
            assert name in PURE | LIBRARIES, f"{path.name}:{line} imports {name}"
            seen.add(name)
    assert seen == PURE | LIBRARIES, "the list names more than is imported"


def test_nothing_is_reached_by_another_way() -> None:
    forbidden = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint", "globals"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path.name}:{node.lineno} calls {node.func.id}"
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Global)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)}, timeout=60
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("g4f_proto", "providers", "backends", "conformance", "g4f"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{CONTRACT} KEPT" in result.stdout


@pytest.mark.parametrize("line", ["import socket", "from asyncio import sleep", "import time", "import os.path"])
def test_the_contract_fails_when_someone_tries(copy: Path, line: str) -> None:
    target = copy / "g4f_proto" / "_sse.py"
    target.write_text(f"{target.read_text('utf-8')}\n\ndef _tried() -> None:\n    {line}\n", "utf-8")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{CONTRACT} BROKEN" in result.stdout
    assert "g4f_proto._sse" in result.stdout


def test_the_core_knows_nobody_of_ours(copy: Path) -> None:
    target = copy / "g4f_proto" / "_sse.py"
    target.write_text(target.read_text("utf-8") + "\nimport providers\n", "utf-8")
    result = lint(copy)
    assert result.returncode == 1
    assert "Imports go one way: g4f_proto, providers, backends, g4f BROKEN" in result.stdout
