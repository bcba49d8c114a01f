"""The number of frames that the emulated Wi-Fi chip lets the driver send before it must wait.

Every frame from the chip carries a credit: the number of the frame that must not be sent yet. The
emulator's own chip increments it with each frame that it delivers, whatever the driver has sent. So
among 256 frames received beyond those sent, one makes both numbers equal. If no other frame follows
it, the driver waits forever (``[CYW43] STALL``). A real chip counts from the newest frame that it
has taken.
"""

from __future__ import annotations

from rp2040py.external.cyw43.bus import GSPIBus

# The driver believes a credit only if it is at most 20 above the last (cyw43-driver, cyw43_ll.c).
_AHEAD = 8
_SEQUENCE = 4  # offsets in the SDPCM header of a frame
_CREDIT = 9
_HEADER = 12  # bytes


class Bus(GSPIBus):
    """The emulator's bus to the Wi-Fi chip, with a credit that follows what the driver sends."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0  # number of the frame that the driver sends next

    def power_off(self) -> None:
        """As in the emulator; the driver counts from 0 again."""
        super().power_off()
        self._next = 0

    def queue_rx_packet(self, data: bytes) -> None:
        """Deliver a frame to the driver, with the credit of this moment."""
        credit = (self._next + _AHEAD) & 0xFF
        super().queue_rx_packet(data[:_CREDIT] + bytes([credit]) + data[_CREDIT + 1 :])

    def _write_wlan(self, data: bytes) -> None:
        if len(data) >= _HEADER:
            self._next = (data[_SEQUENCE] + 1) & 0xFF
        super()._write_wlan(data)
