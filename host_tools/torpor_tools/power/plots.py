"""Draws with matplotlib: current over time, latencies, battery life against the wake interval."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import fail, writing
from ..extras import need
from ..model.board import Board
from .meter import DATASHEET, Span
from .profiler_csv import Profile
from .simulated_load import Load, Outcome, play

_WINDOW_MS = 180_000  # of current over time, or longer, so that a few wakes are in it
_WAKES = 2.5
_INTERVALS_S = (15, 30, 60, 120, 300, 600, 1800, 3600)
_COLOURS = {"on": "#c0392b", "idle": "#b9770e", "doze": "#2471a3", "deep": "#1e8449"}
_INK, _PAPER, _GRID = "#1b1f24", "#fefefe", "#d0d7de"
# A colour -> its counterpart in dark mode.
_DARK = {
    _INK: "#e6edf3",
    _PAPER: "#0d1117",
    _GRID: "#30363d",
    _COLOURS["on"]: "#ff7b72",
    _COLOURS["idle"]: "#e3b341",
    _COLOURS["doze"]: "#79c0ff",
    _COLOURS["deep"]: "#56d364",
}
_STYLE: Any = {
    "svg.hashsalt": "torpor",  # the same input gives the same file
    "font.size": 10,
    "axes.grid": True,
    "grid.color": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), _PAPER),
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    ),
    "legend.frameon": False,
}
_WIDTH, _PANEL, _PLOT = 9.0, 1.1, 2.9  # inches: the page, a policy's current, another plot
_DAY_S = 86_400
_STEPS_S = (0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 6 * 3600, _DAY_S)
_MOST = 9  # ticks on an axis
_YEAR_S = 365 * _DAY_S
# Ticks of a logarithmic scale of time, by unit: fine, and for a scale of many decades.
_FINE = {
    0.001: (1, 2, 5, 10, 20, 50, 100, 200, 500),
    1.0: (1, 2, 5, 10, 30),
    60.0: (1, 2, 5, 10, 30),
    3600.0: (1, 2, 6, 12),
    _DAY_S: (1, 2, 5, 10, 20, 50, 100, 200),
    _YEAR_S: (1, 2, 5, 10, 20, 50, 100),
}
_COARSE = {
    0.001: (1, 10, 100),
    1.0: (1, 10),
    60.0: (1, 10),
    3600.0: (1, 6),
    _DAY_S: (1, 3, 10, 30, 100),
    _YEAR_S: (1, 3, 10, 30, 100),
}


def _figure(heights: Sequence[float], suffix: str) -> tuple[Any, Any]:
    """Return a figure and its axes, one below the other, with these heights in inches."""
    if suffix not in (".png", ".svg"):
        raise fail(
            f"a plot cannot be a {suffix or 'file without a suffix'}", "name it .png or .svg"
        )
    need("plots")
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update(_STYLE)
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(heights),
        1,
        figsize=(_WIDTH, sum(heights) + 0.3),
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    return figure, axes[:, 0]


def _save(figure: Any, path: Path) -> None:
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with writing(str(path)):
        figure.savefig(path, metadata=metadata, dpi=120)
    if path.suffix == ".svg":
        drawn = path.read_text(encoding="utf-8")
        path.write_text(_with_dark(drawn), encoding="utf-8", newline="\n")


def _with_dark(drawn: str) -> str:
    """Add the colours for dark mode, which matplotlib does not support."""
    rules = "".join(
        f'[style*="{key}: {light}"] {{ {key}: {dark} !important }}\n'
        for light, dark in _DARK.items()
        for key in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{\n{rules}}}</style>"
    return re.sub(r"<defs>", lambda match: f"{style}\n{match[0]}", drawn, count=1)


def _steps(
    axis: Any,
    spans: Sequence[Span],
    currents: dict[str, float],
    window_ms: float = _WINDOW_MS,
    **style: Any,
) -> None:
    """Draw current as a step line, from the start until ``window_ms``."""
    points = [(s, currents[s.state]) for s in spans if s.start < window_ms]
    times = [s.start / 1000 for s, _ in points] + [min(points[-1][0].end, window_ms) / 1000]
    values = [ma for _, ma in points]
    axis.step(times, [*values, values[-1]], where="post", linewidth=1, **style)
    axis.set_yscale("log")
    _ticks(axis.yaxis, lambda value: f"{value:g} mA")
    axis.margins(x=0.01)
    _seconds(axis)


def plot_load(
    board: Board, load: Load, outcomes: Sequence[Outcome], battery_mah: float, path: Path
) -> None:
    """Draw a stated load: the current of each policy, latencies and battery life.

    Raises:
        UserError: The file is neither PNG nor SVG, or matplotlib is missing.
    """
    figure, axes = _figure([_PANEL] * len(outcomes) + [_PLOT, _PLOT], path.suffix)
    figure.suptitle(f"{board.title}\n{DATASHEET[0].upper()}{DATASHEET[1:]}", size=10)
    window_ms = max(_WINDOW_MS, _WAKES * load.wake_every_ms)
    _currents(axes[: len(outcomes)], board, outcomes, battery_mah, window_ms)
    _latencies(axes[-2], outcomes)
    _lives(axes[-1], board, load, outcomes, battery_mah)
    _save(figure, path)


def _currents(
    axes: Sequence[Any],
    board: Board,
    outcomes: Sequence[Outcome],
    battery_mah: float,
    window_ms: float,
) -> None:
    """Draw current over time, a panel for each policy, all with the same scales."""
    for axis, outcome in zip(axes, outcomes, strict=True):
        currents = dict(board.currents_ma)
        _steps(axis, outcome.spans, currents, window_ms, color=_COLOURS[outcome.policy])
        energy = outcome.energy
        life = duration(energy.battery_days(battery_mah) * _DAY_S)
        title = f"{outcome.policy}: {energy.average_ma:.3g} mA on average, {life}"
        axis.set_title(f"{title} on {battery_mah:g} mAh", loc="left", size=10)
        axis.sharex(axes[0])
    limits = [limit for axis in axes for limit in axis.get_ylim()]
    for axis in axes:
        axis.set_ylim(min(limits) / 1.3, max(limits) * 1.3)
        _ticks(axis.yaxis, lambda value: f"{value:g} mA", most=4)
        axis.tick_params(labelbottom=axis is axes[-1])


def _latencies(axis: Any, outcomes: Sequence[Outcome]) -> None:
    """Draw how long callers wait: a histogram, as wide as there is data."""
    values = {o.policy: [max(ms, 1.0) / 1000 for ms in o.latencies_ms] for o in outcomes}
    everything = [value for each in values.values() for value in each]
    axis.set_title("how long callers wait", loc="left", size=10)
    axis.set_ylabel("requests")
    if not everything:
        axis.text(0.5, 0.5, "no requests", ha="center", transform=axis.transAxes)
        return
    bins = _bins(min(everything), max(everything))
    for policy, waits in values.items():
        if waits:
            colour = _COLOURS[policy]
            axis.hist(waits, bins=bins, histtype="stepfilled", color=colour, alpha=0.15)
            axis.hist(waits, bins=bins, histtype="step", color=colour, label=policy)
    axis.set_xscale("log")
    axis.set_xlim(bins[0], bins[-1])
    _durations(axis.xaxis)
    _legend(axis)


def _lives(
    axis: Any, board: Board, load: Load, outcomes: Sequence[Outcome], battery_mah: float
) -> None:
    """Draw battery life against the interval of wakes, which only ``deep`` has."""
    for outcome in outcomes:
        style = {"label": outcome.policy, "color": _COLOURS[outcome.policy]}
        if outcome.policy == "deep":
            lives = [
                play(board, "deep", replace(load, wake_every_ms=s * 1000.0)) for s in _INTERVALS_S
            ]
            shown = [each.energy.battery_days(battery_mah) * _DAY_S for each in lives]
            axis.plot(_INTERVALS_S, shown, marker="o", **style)
        else:
            axis.axhline(outcome.energy.battery_days(battery_mah) * _DAY_S, linestyle="--", **style)
    axis.set_title(f"battery life on {battery_mah:g} mAh", loc="left", size=10)
    axis.set_xlabel("wake_every")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(_INTERVALS_S, [duration(s) for s in _INTERVALS_S])
    axis.xaxis.set_minor_locator(_no_ticks())
    _durations(axis.yaxis)
    _legend(axis)


def _seconds(axis: Any) -> None:
    """Put ticks on an axis of time at round values."""
    low, high = axis.get_xlim()
    step = next((s for s in _STEPS_S if (high - low) / s <= _MOST), _STEPS_S[-1])
    chosen = [n * step for n in range(int(high / step) + 1) if n * step >= low]
    axis.set_xticks(chosen, [duration(value) for value in chosen])


def _legend(axis: Any) -> None:
    """Put the legend above the plot, where it hides nothing."""
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.2)


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _ticks(scale: Any, text: Callable[[float], str], *, most: int = _MOST) -> None:
    """Put at most ``most`` ticks with texts on a logarithmic scale: 1, 2 and 5, 1 and 3, or 1."""
    choices = [
        [step * 10.0**power for power in range(-6, 9) for step in steps]
        for steps in ((1, 2, 5), (1, 3), (1,))
    ]
    _put(scale, choices, text, most)


def _durations(scale: Any) -> None:
    """Put ticks on a logarithmic scale of seconds, at durations that people use."""
    choices = [
        [unit * n for unit, numbers in them.items() for n in numbers] for them in (_FINE, _COARSE)
    ]
    _put(scale, choices, duration, _MOST)


def _put(
    scale: Any, choices: Sequence[Sequence[float]], text: Callable[[float], str], most: int
) -> None:
    """Put the first choice on a scale of which at most ``most`` ticks are visible."""
    low, high = sorted(scale.get_view_interval())
    chosen: list[float] = []
    for choice in choices:
        chosen = [value for value in choice if low <= value <= high]
        if len(chosen) <= most:
            break
    else:
        chosen = chosen[:: -(-len(chosen) // most)]
    scale.set_ticks(chosen, [text(value) for value in chosen])
    scale.set_minor_locator(_no_ticks())


def duration(seconds: float) -> str:
    """Return a duration for people: three digits and the largest unit that fits."""
    units = ((_YEAR_S, "years"), (_DAY_S, "days"), (3600, "h"), (60, "min"), (1, "s"))
    if seconds == _YEAR_S:
        return "1 year"
    for size, unit in units:
        if seconds >= size * (2 if unit == "years" else 1):
            value = f"{seconds / size:.3g}"
            return f"{float(value):g} {'day' if (value, unit) == ('1', 'days') else unit}"
    return f"{float(f'{seconds * 1000:.3g}'):g} ms" if seconds else "0 s"


def _bins(low: float, high: float) -> list[float]:
    """Return the edges of a histogram's bins, eight to a decade, around the data."""
    edges = [10 ** (i / 8) for i in range(-25, 49)]  # 0.75 ms to 11 days
    first = max(n for n, edge in enumerate(edges) if edge <= low)
    last = min(n for n, edge in enumerate(edges) if edge > high)
    return edges[max(0, first - 1) : last + 2]


def plot_trace(board: Board, spans: Sequence[Span], currents: dict[str, float], path: Path) -> None:
    """Draw the current over time of a trace. Raises ``UserError``."""
    figure, (axis,) = _figure([_PLOT], path.suffix)
    _steps(axis, spans, currents, color=_COLOURS["deep"])
    axis.set_title(f"{board.title}: current, from a trace", loc="left", size=10)
    _save(figure, path)


def plot_profile(profile: Profile, path: Path) -> None:
    """Draw the current over time as it was measured. Raises ``UserError``."""
    figure, (axis,) = _figure([_PLOT], path.suffix)
    times = [ms / 1000 for ms, _ in profile.curve]
    axis.plot(times, [ma for _, ma in profile.curve], linewidth=1, color=_COLOURS["doze"])
    average = f"average {profile.average_ma:.3g} mA"
    axis.axhline(profile.average_ma, linestyle="--", label=average, color=_COLOURS["on"])
    axis.set_title("current, as measured", loc="left", size=10)
    _seconds(axis)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g} mA")
    _legend(axis)
    _save(figure, path)
