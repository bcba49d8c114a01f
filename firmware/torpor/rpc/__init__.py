"""Calls between boards: ``client`` makes them, ``serve`` takes them, docs/wire.md tells how."""


def start(kernel) -> None:
    """Take calls of other boards on every listener."""
    leaf: dict = {"/GET": (_take,), "/POST": (_take,), "/PUT": (_take,), "/DELETE": (_take,)}
    leaf["*"] = leaf
    kernel.branches["~"] = leaf


async def _take(connection, handler, rest):
    # Loaded for the first caller: a board that only the host's tools call now and then has room for
    # something else until then.
    from .serve import take

    return await take(connection, rest)
