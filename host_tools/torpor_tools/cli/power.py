"""``torpor power``."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite
from pathlib import Path
from typing import Any

import click

from ..errors import fail
from ..extras import need
from ..model.plan import BoardPlan, Plan
from ..power.meter import Energy
from ..power.simulated_load import Load, Outcome
from .base import FILE, Command, Settings
from .output import print_table

_HEADINGS = ("policy", "mA", "mAh/day", "battery", "latency", "95 %", "worst")


@click.command(
    cls=Command,
    help="Report what a board draws, how long a battery lasts and how long callers wait, with each "
    "policy. Currents are datasheet figures (boards/*.toml) unless they were measured.",
    arguments=[("BOARD", "A board of cluster.toml")],
    examples=[
        ("torpor power shed", "one request per minute, each policy"),
        ("torpor power shed --requests 0.1 --plot power.svg", "fewer requests, with plots"),
        ("torpor power shed --trace", "from the trace of the last torpor sim"),
        ("torpor power shed --import ppk2.csv", "from a power profiler's measurement"),
    ],
)
@click.argument("board")
@click.option("--requests", default=1.0, metavar="N", help="Requests per minute (default 1).")
@click.option("--request-ms", default=20.0, metavar="MS", help="Work for a request (default 20).")
@click.option("--job-ms", default=100.0, metavar="MS", help="Work for a scheduled run (100).")
@click.option("--battery", default=2500.0, metavar="MAH", help="Capacity (default 2500 mAh).")
@click.option("--trace", is_flag=True, help="Use the trace of the last torpor sim.")
@click.option("--import", "profile", type=FILE, metavar="CSV", help="Use a PPK2's measurement.")
@click.option(
    "--offset", default=0.0, metavar="MS", help="The time in the CSV at which the trace begins."
)
@click.option("--plot", type=FILE, metavar="FILE", help="Draw plots into this file (.png or .svg).")
@click.pass_obj
def command(
    settings: Settings,
    board: str,
    requests: float,
    request_ms: float,
    job_ms: float,
    battery: float,
    trace: bool,
    profile: Path | None,
    offset: float,
    plot: Path | None,
) -> None:
    from ..contracts import load_plan

    options = {"--requests": requests, "--request-ms": request_ms, "--job-ms": job_ms}
    for name, value in options.items():
        if not 0 <= value < inf:
            raise fail(f"{name} {value:g} is out of range", "give 0 or more")
    if not 0 < battery < inf:
        raise fail(f"--battery {battery:g} is not a capacity", "give it in mAh, above 0")
    if not isfinite(offset):
        raise fail(f"--offset {offset:g} is not a time", "give it in ms")
    if plot:
        need("plots")
    placed = _board(load_plan(settings.root), board)
    if trace:
        path = settings.root / "build" / "sim" / board / "trace.jsonl"
        _show_trace(placed, path, profile, offset, battery, plot)
    elif profile:
        _show_profile(profile, battery, plot)
    else:
        _show_load(placed, _load(placed, requests, request_ms, job_ms), battery, plot)
    if plot:
        click.echo(f"wrote {settings.shown(plot)}")


def _board(plan: Plan, name: str) -> BoardPlan:
    from ..suggest import did_you_mean, listing

    names = [board.name for board in plan.boards]
    if name not in names:
        remedy = did_you_mean(name, names) or f"its boards: {listing(names)}"
        raise fail(f"the cluster has no board {name}", remedy)
    board = plan.board(name)
    if not board.board.currents_ma:
        what = f"no currents are known for a {board.board.name}"
        raise fail(what, "add [currents_ma] to its file in boards/")
    return board


def _load(placed: BoardPlan, requests: float, request_ms: float, job_ms: float) -> Load:
    """The load from the services' schedules, the board's policy and the requests."""
    every = [m.every_ms for s in placed.services for m in s.contract.methods if m.every_ms]
    power = placed.power
    return Load(
        requests_per_minute=requests,
        request_ms=request_ms,
        every_ms=min(every, default=None),
        job_ms=job_ms,
        linger_ms=power.linger_ms if power else 2000,
        wake_every_ms=(power.wake_every_ms if power else None) or 60_000,
    )


def _show_load(placed: BoardPlan, load: Load, battery: float, target: Path | None) -> None:
    from ..power.meter import DATASHEET
    from ..power.simulated_load import play, policies

    outcomes = [play(placed.board, policy, load) for policy in policies(placed.board)]
    print_table(_HEADINGS, [_row(o, battery) for o in outcomes], "lrrrrrr")
    jobs = f", a job every {load.every_ms / 1000:g} s" if load.every_ms else ""
    stated = placed.power and placed.power.wake_every_ms
    wakes = f"deep wakes every {load.wake_every_ms / 1000:g} s"
    if not stated:
        wakes += " (assumed, because cluster.toml has no wake_every)"
    click.echo(
        f"\n{placed.board.title}, {load.requests_per_minute:g} x {load.request_ms:g} ms of "
        f"requests a minute{jobs}, {wakes}, "
        f"{battery:g} mAh. {DATASHEET[0].upper()}{DATASHEET[1:]}; so are the durations of a start."
    )
    if target:
        from ..power.plots import plot_load

        plot_load(placed.board, load, outcomes, battery, target)


def _row(outcome: Outcome, battery: float) -> tuple[str, ...]:
    latencies = (outcome.latency(share) for share in (0.5, 0.95, 1.0))
    return (outcome.policy, *_energy(outcome.energy, battery), *map(_duration, latencies))


def _energy(energy: Energy, battery: float) -> tuple[str, str, str]:
    return (
        _number(energy.average_ma),
        _number(energy.mah_per_day),
        f"{_number(energy.battery_days(battery))} days",
    )


def _number(value: float) -> str:
    """Three digits, never with an exponent for large values."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{_number(ms / 1000)} s"


def _show_trace(
    placed: BoardPlan,
    path: Path,
    csv: Path | None,
    offset: float,
    battery: float,
    target: Path | None,
) -> None:
    from ..power.meter import DATASHEET, measure
    from ..power.profiler_csv import currents_in
    from ..power.trace import read_trace, spans

    found = spans([*read_trace(path), *_now(path)], placed.board)
    measured = currents_in(csv, found, offset) if csv else {}
    currents = {**placed.board.currents_ma, **measured}
    energy = measure(found, currents)
    rows = [
        (state, _duration(ms), f"{currents[state]:.3g}", "measured" if state in measured else "")
        for state, ms in sorted(energy.ms.items(), key=lambda item: -item[1])
    ]
    print_table(("state", "time", "mA", ""), rows, "lrrl")
    _total(energy, battery)
    if not set(energy.ms) <= set(measured):
        click.echo(f"{DATASHEET[0].upper()}{DATASHEET[1:]}; so are the durations of a start.")
    if target:
        from ..power.plots import plot_trace

        plot_trace(placed.board, found, currents, target)


def _now(path: Path) -> Iterator[dict[str, Any]]:
    """An end event at the current time, if a running simulator still writes the trace."""
    from torpor_sim import is_running
    from torpor_sim.clock import running_s

    from ..power.trace import read_trace

    if is_running(path.parent.parent) and (last := read_trace(path)[-1])["event"] != "end":
        yield {"event": "end", "start": last["start"], "at": running_s(path.parent / "run")}


def _total(energy: Energy, battery: float) -> None:
    average, per_day, days = _energy(energy, battery)
    click.echo(f"\n{average} mA on average, {per_day} mAh a day, {days} on {battery:g} mAh.")


def _show_profile(csv: Path, battery: float, target: Path | None) -> None:
    from ..power.profiler_csv import read_profile

    profile = read_profile(csv)
    energy = Energy({"measured": profile.total_ms}, {"measured": profile.average_ma})
    click.echo(f"measured over {profile.total_ms / 1000:.3g} s")
    _total(energy, battery)
    if target:
        from ..power.plots import plot_profile

        plot_profile(profile, target)
