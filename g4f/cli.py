# The command `g4f`: `api` serves, `pull` fetches weights.
from __future__ import annotations

import click

from backends.command import BACKENDS, OPTIONS, load, run

from .pull import pull

__all__ = ("main",)

_BACKEND = click.Option(
    ["--backend"], type=click.Choice(BACKENDS), default="h11", show_default=True, help="What listens."
)


@click.group()
@click.version_option(package_name="g4f-proto", prog_name="g4f")
def main() -> None:
    """An OpenAI-compatible API server you run yourself."""


def _api(backend: str, **given: object) -> None:
    run(load(backend), given)


main.add_command(click.Command("api", callback=_api, params=[_BACKEND, *OPTIONS], help="Serve the API."))
main.add_command(pull)

if __name__ == "__main__":
    main()
