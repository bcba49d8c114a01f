"""Options that several commands have."""

from __future__ import annotations

import click

from .base import FILE

types_option = click.option(
    "--types/--no-types", default=True, help="Run mypy with the boards' stubs (default)."
)
at_option = click.option(
    "--at", metavar="HOST", help="Where the board is: a host, host:port or URL."
)
firmware_option = click.option(
    "--firmware",
    type=FILE,
    metavar="FILE",
    help="The official firmware, instead of the one in the cache.",
)
port_base_option = click.option(
    "--port-base", type=click.IntRange(1, 65000), metavar="PORT", help="Number the ports from here."
)
low_heap_option = click.option(
    "--allow-low-heap",
    is_flag=True,
    help="Allow an image that leaves less heap than heap_reserve requires.",
)
