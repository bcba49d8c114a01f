"""Draws with matplotlib: current over time, latencies, battery life against the wake interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import fail
from ..extras import need
from ..model.board import Board
from .load import Load, Outcome, play
from .meter import DATASHEET, Span
from .profile import Profile

_WINDOW_MS = 180_000  # of current over time: three minutes show a few wakes
_INTERVALS_S = (15, 30, 60, 120, 300, 600, 1800, 3600)
_COLOURS = {"on": "#c0392b", "idle": "#d68910", "doze": "#2471a3", "deep": "#1e8449"}


def _figure(rows: int, suffix: str) -> tuple[Any, Any]:
    if suffix not in (".png", ".svg"):
        raise fail(
            f"a plot cannot be a {suffix or 'file without a suffix'}", "name it .png or .svg"
        )
    need("plots")
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "torpor"  # the same input gives the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(rows, 1, figsize=(9, 3.2 * rows), squeeze=False)
    return figure, axes[:, 0]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(path, metadata=metadata, dpi=120)


def _steps(axis: Any, spans: Sequence[Span], currents: dict[str, float], **style: Any) -> None:
    """Current as a step line, for the first minutes."""
    points = [(s, currents[s.state]) for s in spans if s.start < _WINDOW_MS]
    times = [s.start / 1000 for s, _ in points] + [min(points[-1][0].end, _WINDOW_MS) / 1000]
    values = [ma for _, ma in points]
    axis.step(times, [*values, values[-1]], where="post", **style)
    axis.set_yscale("log")
    _plain(axis.yaxis)
    axis.set_xlabel("s")
    axis.set_ylabel("mA")


def plot_load(
    board: Board, load: Load, outcomes: Sequence[Outcome], battery_mah: float, path: Path
) -> None:
    """Three plots of a stated load, one file. Raises ``UserError``."""
    figure, (over_time, latency, life) = _figure(3, path.suffix)
    for outcome in outcomes:
        colour = _COLOURS[outcome.policy]
        style = {"label": outcome.policy, "color": colour}
        _steps(over_time, outcome.spans, dict(board.currents_ma), linewidth=1, **style)
        if outcome.latencies_ms:
            values = [max(ms, 1.0) / 1000 for ms in outcome.latencies_ms]
            latency.hist(values, bins=_log_bins(), histtype="step", **style)
        days = outcome.energy.battery_days(battery_mah)
        if outcome.policy == "deep":
            lives = [
                play(board, "deep", replace(load, wake_every_ms=s * 1000.0)) for s in _INTERVALS_S
            ]
            shown = [each.energy.battery_days(battery_mah) for each in lives]
            life.plot(_INTERVALS_S, shown, marker="o", **style)
        else:
            life.axhline(days, linestyle="--", **style)
    over_time.set_title(f"{board.title}: current. {DATASHEET[0].upper()}{DATASHEET[1:]}", size=9)
    latency.set_xscale("log")
    latency.set(xlabel="latency, s", ylabel="requests")
    life.set_xscale("log")
    life.set_yscale("log")
    for scale in (life.xaxis, life.yaxis, latency.xaxis):
        _plain(scale)
    life.set(xlabel="wake_every, s", ylabel=f"days on {battery_mah:g} mAh")
    for axis in (over_time, latency, life):
        axis.legend()
        axis.grid(alpha=0.3)
    _save(figure, path)


def _plain(scale: Any) -> None:
    """Numbers as a person writes them, on a logarithmic scale."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    scale.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale.set_minor_formatter(NullFormatter())


def _log_bins() -> list[float]:
    return [10 ** (i / 8) for i in range(-24, 33)]  # 1 ms to a few hours


def plot_trace(board: Board, spans: Sequence[Span], currents: dict[str, float], path: Path) -> None:
    """Current over time of a trace. Raises ``UserError``."""
    figure, (axis,) = _figure(1, path.suffix)
    _steps(axis, spans, currents, color=_COLOURS["deep"], linewidth=1)
    axis.set_title(f"{board.title}: from a trace", size=9)
    axis.grid(alpha=0.3)
    _save(figure, path)


def plot_profile(profile: Profile, path: Path) -> None:
    """Current over time as it was measured. Raises ``UserError``."""
    figure, (axis,) = _figure(1, path.suffix)
    axis.plot([ms / 1000 for ms, _ in profile.curve], [ma for _, ma in profile.curve], linewidth=1)
    axis.axhline(profile.average_ma, linestyle="--", label=f"average {profile.average_ma:.3g} mA")
    axis.set(xlabel="s", ylabel="mA")
    axis.legend()
    axis.grid(alpha=0.3)
    _save(figure, path)
