"""Calls between boards: ``client`` makes them, ``serve`` takes them, docs/wire.md tells how."""


def start(kernel) -> None:
    """Take calls of other boards on every listener."""
    from . import serve

    kernel.branches["~"] = serve.branch()
