"""Collect the modules of a board's services."""

from __future__ import annotations

from .program import Program
from .sources import service_modules


def run(program: Program) -> None:
    """Add every module of every service of the board, as it stands in its file."""
    for service in program.board.services:
        modules, problems = service_modules(service, program.plan.cluster.root)
        program.modules |= {module.name: module for module in modules}
        program.problems += problems
