"""Firmware for the other slot of an ESP32: its manifest, and the exchange with the board.

The board's side is ``firmware/torpor/update/firmware.py``.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from ..client.rpc import NotReachedError
from ..errors import fail
from ..image.app import App
from .manifest import Terms
from .send import PAUSE_S, PIECE, REMEDY, RESTART_S, Progress, Updater, packed

FORMAT = "torpor-firmware 1"


@dataclass(frozen=True)
class Slots:
    """The firmware slots of a board: the label of the running one, and of the other."""

    running: str
    other: str
    room: int  # bytes of the other
    chip: int


@dataclass(frozen=True)
class FirmwareManifest:
    """The text that is signed, and its fields."""

    text: bytes
    app: App
    counter: int


def firmware_manifest(terms: Terms, app: App) -> FirmwareManifest:
    """Write the manifest of firmware."""
    lines = {
        "cluster": terms.cluster,
        "board": terms.board,
        "counter": terms.counter,
        "version": app.version,
        "least": terms.least,
        "mpy": app.mpy,
        "chip": app.chip,
        "size": len(app.content),
        "sha256": sha256(app.content).hexdigest(),
        "confirm": terms.confirm_s,
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    return FirmwareManifest(f"{FORMAT}\n{text}\n".encode(), app, terms.counter)


class FirmwareUpdater:
    """An update of one board's firmware.

    Args:
        updater: The board.
    """

    def __init__(self, updater: Updater) -> None:
        self._updater = updater

    def slots(self) -> Slots:
        """Ask which slots the board has. Raises ``UserError`` if it has only one."""
        return Slots(**self._updater.ask("slot"))

    def send(
        self,
        manifest: FirmwareManifest,
        signature: bytes,
        progress: Progress | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Send the firmware, and make the board restart into it. Raises ``UserError``.

        Args:
            manifest: What is sent.
            signature: That of the manifest.
            progress: Is called with the bytes that the board has, and with their total.
            report: Is called with a text for the user if the board does not answer for a while.
        """

        def work() -> None:
            self._send(manifest, signature, progress)
            self._updater.ask("fwstart")

        self._updater.repeat(work, manifest.counter, report)

    def wait(
        self,
        manifest: FirmwareManifest,
        slot: str,
        confirm_s: int,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Wait until the board has confirmed the firmware. Raises ``UserError`` if it has not."""
        name = self._updater.board
        end = time.monotonic() + 2 * confirm_s + RESTART_S
        while time.monotonic() < end:
            self._updater.pause(PAUSE_S)
            try:
                status = self._updater.status()
                running = "" if status.trial else self.slots().running
            except NotReachedError:
                report("restarting")
                continue
            if status.failed and status.failed.get("counter") == manifest.counter:
                reason = status.failed.get("reason")
                raise fail(
                    f"{name} went back to the firmware in {status.failed.get('from')}: {reason}",
                    f"torpor crashes {name} shows what it recorded. {REMEDY}",
                )
            self._updater.check_newest(status, manifest.counter)
            if running == slot and status.counter == manifest.counter:
                return
            report("on trial" if status.trial else "restarting")
        raise fail(
            f"{name} has not confirmed the firmware in time", "torpor update --status shows it"
        )

    def _send(
        self, manifest: FirmwareManifest, signature: bytes, progress: Progress | None
    ) -> None:
        ask = self._updater.ask
        have = 0
        while have < len(manifest.text):
            have = ask("head", at=have, data=packed(manifest.text[have : have + PIECE]))
        content = manifest.app.content
        have = ask("fwcheck", signature=b64encode(signature).decode())["have"]
        while have < len(content):
            have = ask("fwput", at=have, data=packed(content[have : have + PIECE]))
            if progress:
                progress(have, len(content))
