"""The simulator's models on an I2C bus of the emulated Pico W."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.helpers.free_ports import free_base
from tests.sim.desk import Devices, desk, simulator
from torpor_sim import SimBoard

# A simulated board that serves its devices to torpor_sim.wire_i2c over TCP.
_LENDER = """
import struct
import machine
from _sim import native
from _no_answer import Nack, Hang
machine.Pin  # plugs the devices in
import _wiring
socket = native("socket")
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(socket.getaddrinfo("127.0.0.1", PORT)[0][-1])
listener.listen(1)
print("devices wait")
line = listener.accept()[0]
devices = _wiring.i2c("5", "4")
while True:
    head = line.read(4)
    if len(head) < 4:
        break
    kind, address, count = struct.unpack(">BBH", head)
    device = devices.get(address)
    answer = b"\\x01"
    try:
        if kind == 0x57:
            data = line.read(count) if count else b""
            if device is None:
                raise Nack
            device.message(data)
        elif kind == 0x52:
            if device is None:
                raise Nack
            answer += device.answer(count)
        elif device is not None:
            device.stop()
    except (Nack, Hang):
        answer = b"\\x00"
    line.write(answer)
"""


@asynccontextmanager
async def lent_devices(folder: Path, devices: Devices) -> AsyncIterator[tuple[int, SimBoard]]:
    """Yield the TCP port of the models on ``i2c0``, and the simulated board that runs them."""
    port = free_base(1)
    source = _LENDER.replace("PORT", str(port))
    async with simulator(folder, source, desk(devices)) as sim:
        board = sim.board("desk")
        await board.wait_log("devices wait", 60)
        yield port, board
