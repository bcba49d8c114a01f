"""``torpor crashes``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import fail
from ..extras import need
from ..suggest import counted
from .base import Command, Settings
from .options import at_option
from .output import note
from .target import BOARD, pick

if TYPE_CHECKING:
    from ..crashes.builds import Build
    from ..crashes.fetch import Fetched
    from ..crashes.records import Record


@click.command(
    cls=Command,
    help="Show what went wrong on a board: exceptions, out of memory, failed starts and watchdog "
    "resets, each with service, method and source lines. Over the network the calls are signed "
    "with the cluster's key. The board keeps its last eight crashes, even without power.",
    short_help="Show what went wrong on a board",
    arguments=[BOARD],
    examples=[
        ("torpor crashes", "the only board: in the simulator, or at its host in cluster.toml"),
        ("torpor crashes shed --at 192.168.1.7", "a board at another address"),
        ("torpor crashes shed --log", "and the end of the log at each crash"),
        ("torpor crashes shed --port /dev/ttyACM0", "over USB; its services stop meanwhile"),
    ],
)
@click.argument("board", required=False)
@at_option
@click.option("--port", metavar="PORT", help="Over USB instead, by the board's serial port.")
@click.option("--log", is_flag=True, help="Print the end of the log at each crash too.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
@click.pass_obj
def command(
    settings: Settings,
    board: str | None,
    at: str | None,
    port: str | None,
    log: bool,
    as_json: bool,
) -> None:
    from ..contracts import load_plan
    from ..crashes.builds import read_build

    if at and port:
        raise fail("--at is for the network, --port for USB", "leave one of them out")
    plan = load_plan(settings.root)
    chosen = plan.board(pick(plan, board))
    fetched = _fetch(settings, chosen, at, port)
    builds = {r.build: read_build(settings.root, r.build) for r in fetched.records}
    if as_json:
        click.echo(json.dumps(_document(fetched, builds), indent=2))
        return
    if fetched.safe:
        click.secho(f"{chosen.name} is in SAFE MODE: {fetched.safe['']}", fg="red", bold=True)
        for name, why in fetched.safe.items():
            if name:
                click.echo(f"  {name} does not run: {why}")
        click.echo(f"  a new image ends it, or: torpor reset {chosen.name} --normal")
    if not fetched.records:
        click.echo(f"{chosen.name} has no records of crashes")
    for each in fetched.incidents:
        click.echo(f"\n{click.style(each.work, fg='cyan', bold=True)}  {each.what}")
        often = f"{counted(each.times, 'time')} since {each.since}"
        click.echo(f"    {often}; {each.kind}, counted until the next restart")
    for line in _lines(fetched, builds, settings.root, log):
        click.echo(line)


def _fetch(settings: Settings, board: Any, at: str | None, port: str | None) -> Fetched:
    if port:
        need("board")
        from ..board.deploy.repl import MpremoteRepl
        from ..crashes.fetch import over_usb

        return over_usb(lambda: MpremoteRepl(port))
    from ..client.tools import Tools
    from ..crashes.fetch import over_network

    with Tools(settings.root, board, at) as tools:
        return over_network(tools)


def _document(fetched: Fetched, builds: dict[str, Build | None]) -> dict[str, Any]:
    records = [{**asdict(r), "work": r.work(builds[r.build])} for r in fetched.records]
    return {
        "build": fetched.build,
        "safe": dict(fetched.safe),
        "records": records,
        "incidents": [asdict(each) for each in fetched.incidents],
    }


def _lines(
    fetched: Fetched, builds: dict[str, Build | None], root: Path, log: bool
) -> Iterator[str]:
    from ..crashes.records import grouped

    unknown: list[str] = []
    for group in grouped(fetched.records):
        newest = group[0]
        build = builds[newest.build]
        if build is None and newest.build not in unknown:
            unknown.append(newest.build)
        yield ""
        work = click.style(newest.work(build), fg="cyan", bold=True)
        yield f"{work}  {newest.error or newest.kind}"
        yield f"    {_when(newest, group, fetched)}"
        yield f"    {_circumstances(newest, fetched)}"
        yield from _trace(newest, build)
        if log and newest.log:
            yield "    the log until then:"
            yield from (f"      {line}" for line in newest.log.splitlines())
    for build_id in unknown:
        note(
            f"build {build_id} is not kept in {root.name}/build/.cache/builds: its sources are not "
            "known here. Run torpor crashes where it was built"
        )


def _when(newest: Record, group: list[Record], fetched: Fetched) -> str:
    parts = []
    if len(group) > 1:
        parts.append(counted(len(group), "record"))
    times, since = fetched.times.get(newest.key, (0, ""))
    if times > 1:
        parts.append(f"{times} times since {since}")
    if newest.at:
        parts.append(time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(newest.at)))
    if newest.uptime_s is not None:
        parts.append(f"{newest.uptime_s:.1f} s after the start ({newest.reset})")
    elif newest.kind == "watchdog":
        parts.append("found at the next start")
    return ", ".join(parts)


def _circumstances(newest: Record, fetched: Fetched) -> str:
    kind = "" if newest.kind == "exception" else f"{newest.kind}; "
    other = "" if newest.build == fetched.build or not fetched.build else ", an earlier build"
    doing = f"{newest.doing}; " if newest.doing else ""
    if newest.kind == "watchdog":
        doing = f"last started: {newest.doing or 'not known'}; "
    return f"{kind}{doing}{newest.free:,} bytes of heap free; build {newest.build}{other}"


def _trace(record: Record, build: Build | None) -> Iterator[str]:
    for frame in record.frames:
        function = f", in {frame.function}" if frame.function else ""
        if build and frame.file in build.unnumbered:
            yield f"      {frame.file}{function} (a library, built without line numbers)"
            continue
        yield f"      {frame.file}:{frame.line}{function}"
        if build and (source := build.line(frame.file, frame.line)):
            yield f"          {source}"
