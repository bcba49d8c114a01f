"""Write the modules that connect a board's services: ``cluster.py`` and the tables next to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import UserError
from ..model.plan import BoardPlan
from . import events, stub
from .program import Program
from .wiring import module_of, wiring, wiring_of_service


def run(program: Program) -> None:
    """Generate the wiring, and the stubs and tables for calls between boards."""
    try:
        if program.wired:
            _generate(program)
            return
    except UserError as error:
        program.problems += error.problems
    program.generate("cluster", "")


def cluster(program: Program, released: Mapping[str, str]) -> None:
    """Generate ``cluster.py``.

    Args:
        program: The program of the board.
        released: For each service that starts on request, the names of its modules, which the board
            may give back when the service has ended.
    """
    board = with_keys(program)
    text = wiring(program.plan, board, strict=program.strict, released=released)
    program.generate("cluster", text)


def _generate(program: Program) -> None:
    board = with_keys(program)
    cluster(program, {})
    for service in board.on_request:
        text = wiring_of_service(board, service, strict=program.strict)
        program.generate(module_of(service.name), text)
    if text := stub.stubs(program.plan, board, program.versions):
        program.generate(stub.STUBS, text)
    if text := events.events(program.plan, board):
        program.generate(events.MODULE, text)
    if board.called:
        program.generate(stub.API, stub.api(board))
        program.generate(stub.SIGNATURES, stub.signatures(board, program.versions))


def with_keys(program: Program) -> BoardPlan:
    """Return the board with what follows from the project's keys, and from other boards' events.

    A board that has the cluster's key can be called, by other boards and by the host's tools. If
    the project has a signing key too, that includes signed updates.
    """
    called = program.board.called or (program.keyed and program.board.port is not None)
    incoming = tuple(program.plan.incoming(program.board))
    updated = called and program.updated
    sends = program.plan.sends_durably(program.board)
    durable = sends or bool(program.plan.incoming(program.board, durable=True))
    return replace(
        program.board,
        called=called,
        updated=updated,
        incoming=incoming,
        durable=durable,
        sends_durably=sends,
    )
