"""Stands in for ``ds18x20``: probes whose temperatures are in the inputs file."""

_FAMILIES = (0x10, 0x22, 0x28)


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        self.ow.reset(True)
        self.ow._convert(self.ow._probes())

    def read_scratch(self, rom):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(0xBE)
        buf = bytearray(9)
        self.ow.readinto(buf)
        if self.ow.crc8(buf):
            raise Exception("CRC error")
        return buf

    def write_scratch(self, rom, buf):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(0x4E)
        self.ow.write(buf)

    def read_temp(self, rom):
        self.ow.reset(True)
        name = bytes(rom).hex()
        probes = self.ow._probes()
        if probes.get(name, "crc") == "crc":
            raise Exception("CRC error")
        return self.ow._held(name) if rom[0] in _FAMILIES else None
