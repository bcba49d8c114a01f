"""A board's databases over its serial line, where nothing but the cable is needed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import UserError, fail
from ...paths import firmware_dir
from ..deploy.repl import BoardError, NoReplError, Repl
from .board import Data

_SILENCE_S = 60.0  # a count reads a whole table, at a chip's speed, before it prints anything


class UsbData(Data):
    """Access by the board's REPL, which ``opened`` has prepared."""

    def __init__(self, link: Repl, service: str) -> None:
        super().__init__(service)
        self._link = link

    def ask(self, do: str, **arguments: Any) -> Any:
        text = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
        try:
            said = self._link.run(f"ask({do!r}, {self.service!r}, {text!r})")
        except BoardError as error:
            raise _broken(self._link.device, error) from None
        # Before it, the line may contain what boot.py logs about the network.
        reply = json.loads(said.strip().splitlines()[-1])
        if "fault" in reply:
            raise fail(f"{self.service}: {reply['fault']}")
        return reply["value"]


@contextlib.contextmanager
def opened(connect: Callable[[], Repl], service: str) -> Iterator[Data]:
    """The database of a service on the board that ``connect`` gives a link to.

    The board's services stop; at the end the board is restarted, and they with it. Raises
    ``UserError``.
    """
    try:
        link = connect()
    except NoReplError as error:
        raise fail(
            error.problems[0].what,
            "press its reset button and run the same command again. A production image has "
            "no REPL:\nleave --port out, then the command works over the network, signed",
        ) from None
    try:
        link.wait_longer(_SILENCE_S)
        link.restart()
        try:
            link.run(_source("deploy", "data.py"))
            link.run(f"load({_source('torpor', 'store', 'admin.py')!r})")
        except BoardError as error:
            raise _broken(link.device, error) from None
        yield UsbData(link, service)
    finally:
        with contextlib.suppress(UserError):
            link.reset()
        link.close()


def _source(*path: str) -> str:
    return firmware_dir().joinpath(*path).read_text(encoding="utf-8")


def _broken(device: str, error: BoardError) -> UserError:
    last = str(error).strip().splitlines()[-1]
    if "ImportError" in last:
        return fail(
            f"the image of the board on {device} keeps no data ({last})",
            "put the cluster's image on it: torpor deploy",
        )
    return fail(f"the board on {device} failed: {last}", str(error))
