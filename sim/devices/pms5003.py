"""Plantower PMS5003, dust: its data manual, version 2.3, appendix A. Micrograms a cubic metre."""

from . import Every, UARTDevice, clamp

_PERIOD_MS = 900  # between 200 and 800 while the values change, else 2300


class Model(UARTDevice):
    BUS = "uart"
    INPUTS = {"pm1": 4, "pm2_5": 8, "pm10": 11}
    RANGES = {"*": (0, 1000, "µg/m³")}

    def begin(self):
        self._every = Every(_PERIOD_MS)
        self._active = True
        self._answer = b""

    def receive(self, data):
        super().receive(data)
        at = data.find(b"\x42\x4d")
        command = data[at + 2 : at + 5] if at >= 0 else b""
        if command[:1] == b"\xe1":
            self._active = bool(command[2])
            self._answer += frame(b"\xe1" + command[2:3])
        elif command[:1] == b"\xe2":
            self._answer += self._reading()

    def due(self):
        return 1 if self._answer else self._every.left()

    def send(self, now):
        data, self._answer = self._answer, b""
        if self._active and self._every.passed():
            data += self._reading()
        return data

    def _reading(self):
        values = [int(clamp(round(self.sense(n)), 0, 65535)) for n in ("pm1", "pm2_5", "pm10")]
        pm1, pm25, pm10 = values
        # Counts of particles beyond 0.3, 0.5, 1, 2.5, 5 and 10 um in 0.1 l, roughly as in its use.
        counts = [pm1 * 180, pm1 * 52, pm25 * 10, pm25, pm10 // 4, pm10 // 8]
        words = values + values + [min(65535, c) for c in counts] + [0x9700]
        return frame(b"".join([w.to_bytes(2, "big") for w in words]))


def frame(payload):
    data = b"\x42\x4d" + (len(payload) + 2).to_bytes(2, "big") + payload
    return data + sum(data).to_bytes(2, "big")
