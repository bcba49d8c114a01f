"""One wire bit by bit, for drivers that do not use ``ds18x20``: DS18B20, 19-7487 revision 6."""

_SEARCH, _READ, _MATCH, _SKIP = 0xF0, 0x33, 0x55, 0xCC  # ROM commands
_CONVERT, _WRITE_SCRATCH, _READ_SCRATCH, _POWER = 0x44, 0x4E, 0xBE, 0xB4
_SETTINGS = b"\x4b\x46\x7f"  # alarms and 12 bits, as parts are delivered


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def _bits(data):
    """The bits of some bytes, each byte with the lowest first, as they go over the wire."""
    for byte in data:
        for n in range(8):
            yield byte >> n & 1


class Line:
    """The wire of a ``OneWire``. ``_take`` gets the next bit written, ``_bit`` is the next read."""

    def __init__(self, bus):
        self._bus = bus
        self._settings = {}  # rom -> what was written to its scratchpad
        self.reset()

    def reset(self):
        self._roms = sorted(self._bus._probes())  # the probes that still listen
        self._answer = None  # the bits that they send
        self._search: list = []  # the number of the bit of the ROM, and how often it was read
        self._written = 0
        self._count = 0
        self._take = self._take_rom_command

    # The functions of the module.

    def readbit(self):
        if self._search:
            return self._search_bit()
        if self._answer is not None:
            for bit in self._answer:
                return bit
        return int(self._bus._settle())  # a probe that converts pulls the line low; else nobody

    def readbyte(self):
        value = 0
        for n in range(8):
            value |= self.readbit() << n
        return value

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def writebit(self, value):
        value = value & 1
        if self._search:
            self._choose(value)
            return
        self._written |= value << self._count
        self._count += 1
        if self._count == 8:
            byte, self._written, self._count = self._written, 0, 0
            self._take(byte)

    def writebyte(self, value):
        for n in range(8):
            self.writebit(value >> n)

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self._bus.reset()
        self.writebyte(_MATCH)
        self.write(rom)

    def crc8(self, data):
        return crc8(data)

    # The side of the probes.

    def _take_rom_command(self, byte):
        self._take = self._ignore
        if byte == _SKIP:
            self._take = self._take_function
        elif byte == _MATCH:
            self._data = b""
            self._take = self._take_rom
        elif byte == _SEARCH:
            self._search = [0, 0]
        elif byte == _READ:
            self._send([bytes.fromhex(rom) for rom in self._roms])
            self._take = self._take_function

    def _take_rom(self, byte):
        self._data += bytes((byte,))
        if len(self._data) == 8:
            self._roms = [rom for rom in self._roms if rom == self._data.hex()]
            self._take = self._take_function

    def _take_function(self, byte):
        self._take = self._ignore
        if byte == _CONVERT:
            self._bus._convert(self._roms)
        elif byte == _READ_SCRATCH:
            self._send([self._scratch(rom) for rom in self._roms])
        elif byte == _WRITE_SCRATCH:
            self._data = b""
            self._take = self._take_settings
        elif byte == _POWER:
            self._answer = iter(())  # none is powered by the line

    def _take_settings(self, byte):
        self._data += bytes((byte,))
        if len(self._data) == 3:
            for rom in self._roms:
                self._settings[rom] = self._data
            self._take = self._ignore

    def _ignore(self, byte):
        pass

    def _send(self, answers):
        """All selected probes send at once: a low bit of one of them wins."""
        data = bytearray(b"\xff" * (len(answers[0]) if answers else 0))
        for answer in answers:
            for i, byte in enumerate(answer):
                data[i] &= byte
        self._answer = _bits(data)

    def _scratch(self, rom):
        held = self._bus._held(rom)
        if rom[:2] == "10":  # a DS18S20 has half degrees, and what is left in a counter
            raw = round(held * 2)
            remain = 12 - round((held - (raw >> 1)) * 16)
            data = (raw & 0xFFFF).to_bytes(2, "little") + b"\x4b\x46\xff\xff"
            data += bytes((remain, 16))
        else:
            raw = round(held * 16) & 0xFFFF
            data = raw.to_bytes(2, "little") + self._settings.get(rom, _SETTINGS) + b"\xff\x0c\x10"
        crc = crc8(data)
        if self._bus._probes().get(rom) == "crc":
            crc ^= 0xFF
        return data + bytes((crc,))

    def _search_bit(self):
        """First the bit of all probes that still listen, then its complement; 1 where none is."""
        at, reads = self._search
        self._search[1] += 1
        values = {bytes.fromhex(rom)[at >> 3] >> (at & 7) & 1 for rom in self._roms}
        if reads == 0:
            return 0 if 0 in values else 1
        return 0 if 1 in values else 1

    def _choose(self, value):
        at = self._search[0]
        self._roms = [r for r in self._roms if bytes.fromhex(r)[at >> 3] >> (at & 7) & 1 == value]
        self._search = [at + 1, 0] if at < 63 else []
        if at == 63:
            self._take = self._take_function
