"""The command: judge the server at a URL and print one line a case, room by room.

Exit status: 0 nothing failed, 1 something failed, 2 the server cannot be reached or judged.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from conformance import rooms
from conformance.case import Case, Outcome, Verdict, judge
from conformance.message import Url, WireError
from conformance.target import Target

COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.NOT_APPLICABLE: "yellow", Outcome.BROKEN: "magenta"}

DETAIL = 400  # characters of a reason in the table; --json has them all


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("url")
@click.option("--key", help="The API key, sent as a bearer token.")
@click.option("--model", help="The model to ask; without it the first one the server lists.")
@click.option("--room", "only_rooms", multiple=True, help="Judge this room only (repeatable).")
@click.option("--case", "only_cases", multiple=True, help="Judge this case only, e.g. stream.role-once (repeatable).")
@click.option("--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdicts to FILE.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for each read.")
def main(
    url: str,
    key: str | None,
    model: str | None,
    only_rooms: tuple[str, ...],
    only_cases: tuple[str, ...],
    report: Path | None,
    timeout: float,
) -> None:
    """Judge the OpenAI-compatible server at URL, e.g. http://127.0.0.1:1337/v1"""
    cases = [
        case
        for case in rooms.load()
        if (not only_rooms and not only_cases) or case.room in only_rooms or case.id in only_cases
    ]
    if not cases:
        _give_up(f"no such room or case; the rooms are {', '.join(sorted({case.room for case in rooms.load()}))}")
    try:
        target = Target(Url.parse(url), key=key, model=model, timeout=timeout)
    except (WireError, ValueError) as error:
        _give_up(str(error))
    click.echo(f"{target.url}  model {target.model}")
    verdicts = list(_judge_all(cases, target))
    if report:
        report.write_text(json.dumps([_as_json(verdict) for verdict in verdicts], indent=1) + "\n")
    counts = Counter(verdict.outcome for verdict in verdicts)
    seconds = sum(verdict.seconds for verdict in verdicts)
    summary = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    click.echo(f"\n{summary} in {seconds:.1f} s")
    sys.exit(1 if counts[Outcome.FAIL] or counts[Outcome.BROKEN] else 0)


def _judge_all(cases: Iterable[Case], target: Target) -> Iterable[Verdict]:
    room = ""
    for case in cases:
        if case.room != room:
            room = case.room
            click.echo(f"\n{room}")
        verdict = judge(case, target)
        mark = click.style(f"{verdict.outcome.value:<6}", fg=COLOURS[verdict.outcome])
        detail = verdict.detail if len(verdict.detail) <= DETAIL else f"{verdict.detail[:DETAIL]}..."
        click.echo(f"  {mark} {case.id.partition('.')[2]:<26} {detail}".rstrip())
        yield verdict


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "id": verdict.case.id,
        "outcome": verdict.outcome.value,
        "detail": verdict.detail,
        "rule": verdict.case.rule,
        "why": verdict.case.why,
        "complaint": verdict.case.complaint,
        "seconds": round(verdict.seconds, 3),
    }


def _give_up(reason: str) -> None:
    click.echo(f"conformance: {reason}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main(prog_name="python -m conformance")
