"""Lets the cluster's tools look into the databases of a board: ``torpor data``."""

from . import forget


def start(kernel) -> None:
    """Take their calls, which are signed with the cluster's key."""
    kernel.tools["data"] = data


async def data(do: str, **arguments):
    """What the function ``do`` of ``look`` answers."""
    from . import inspect

    forget("inspect")
    return await inspect.ask(do, **arguments)
