"""The files that a build reads besides the plan, each once: the lock and the secrets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from ..contracts.lock import read_lock
from ..errors import Problem, UserError
from ..model.plan import BoardPlan, Plan
from ..project.secrets import broker_login, cluster_keys, secret_files
from ..project.signers import public_keys

T = TypeVar("T")


def needs_broker(board: BoardPlan) -> bool:
    """Return whether the board logs in to the broker."""
    return board.mailbox is not None or board.mails


class Inputs:
    """The files that one command reads for all boards.

    Each file is read when it is first asked for. A mistake in it is noted in ``problems`` once, and
    the value is empty.
    """

    def __init__(self, plan: Plan) -> None:
        self._root = plan.cluster.root
        self._files: dict[bool, dict[str, bytes] | None] = {}
        self.problems: list[Problem] = []

    @cached_property
    def keyed(self) -> bool:
        """Return whether the project has a key, so that peers and the tools may call."""
        return bool(self._read(lambda: cluster_keys(self._root)))

    @cached_property
    def signers(self) -> list[bytes]:
        """The moduli of the keys that sign updates."""
        return self._read(lambda: public_keys(self._root)) or []

    @cached_property
    def versions(self) -> dict[str, int]:
        """The version of each contract in ``contracts.lock``."""
        lock = self._read(lambda: read_lock(self._root)) or {}
        return {name: locked.version for name, locked in lock.items()}

    @cached_property
    def broker_login(self) -> dict[str, str]:
        """The login of the mailbox's broker."""
        return self._read(lambda: broker_login(self._root)) or {}

    def secret_files(self, mailbox: bool) -> dict[str, bytes] | None:
        """Return the files with secrets of a board; None if ``secrets.toml`` has mistakes."""
        if mailbox not in self._files:
            self._files[mailbox] = self._read(lambda: secret_files(self._root, mailbox))
        return self._files[mailbox]

    def _read(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except UserError as error:
            self.problems += error.problems
            return None
