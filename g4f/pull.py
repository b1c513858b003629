# `g4f pull`: weights into the user's data folder, with a progress bar. What is done stands in `providers.weights`; here
# is only what a terminal sees and the exit status: 0 done or nothing to do, 1 it failed, 2 a name nobody knows.
from __future__ import annotations

import sys
from contextlib import ExitStack

import click

from providers import weights

__all__ = ("pull",)


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def pull(names: tuple[str, ...]) -> None:
    """Download the weights of a model that runs on this machine, check them and put them in place.

    Without a name: list what there is. They go to the user's data folder; G4F_DATA_DIR names another one.
    """
    if not names:
        for entry in weights.WEIGHTS.values():
            click.echo(f"{entry.name}  {entry.about} ({entry.licence}, {entry.download / 1e6:.0f} MB to download)")
            click.echo(f"    {weights.installed(entry) or 'not installed'}")
        return
    try:
        for entry in [weights.find(name) for name in names]:
            with _Bars(entry.name) as bars:
                fresh = weights.pull(entry, bars.progress)
            click.echo(f"{entry.name}: {'installed' if fresh else 'already installed'} in {weights.target(entry)}")
    except weights.PullError as error:
        click.echo(f"g4f pull: {error}", err=True)
        sys.exit(2 if isinstance(error, weights.UnknownWeights) else 1)


class _Bars(ExitStack):
    """One progress bar a step."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._step = ""
        self._done = 0

    def progress(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self.close()  # the bar of the step before stays on the screen, with its last state
            self._step, self._done = step, 0
            label = f"{step} {self._name}"
            self._bar = self.enter_context(click.progressbar(length=total, label=label))
        self._bar.update(done - self._done)
        self._done = done
