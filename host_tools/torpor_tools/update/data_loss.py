"""Services whose data has had migrations that an image lacks: they do not start on that data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import fail
from ..suggest import counted, listing


def dropped(
    board: str, has_run: Mapping[str, int], known: Mapping[str, int], *, allowed: bool
) -> list[str]:
    """Return the services whose data must be dropped, so that a build can start them.

    Args:
        board: The name of the board.
        has_run: Service -> how many migrations its data on the board has had.
        known: Service of the build that has a store -> how many migrations it has. The data of
            other services stays on the board.
        allowed: Whether the user has asked for ``--data-loss``.

    Raises:
        UserError: The build lacks a migration, and that is not allowed.
    """
    past = [name for name, count in has_run.items() if count > known.get(name, 0)]
    lost = [name for name in past if name in known]
    if past and not allowed:
        counts = [f"{name} {has_run[name]} (the build has {known.get(name, 0)})" for name in past]
        does = f"drops all data of {listing(lost)}" if lost else "keeps that data on the board"
        raise fail(
            f"the data of {listing(past)} has had migrations that the build for {board} lacks: "
            f"{listing(counts)}",
            "send a build that has them; or save the data (torpor data export) and add "
            f"--data-loss, which {does}",
        )
    return lost


def warning(board: str, names: Sequence[str]) -> str:
    """Return what ``torpor`` prints before it drops the data of services."""
    return (
        f"{board} drops all data of {counted(len(names), 'service')}: {listing(names)}. If it goes "
        "back to\n      the build that it runs now, that data is there again, and what was written "
        "in the trial is not"
    )
