"""A board type, as ``boards/<NAME>.toml`` describes it."""

from __future__ import annotations

from dataclasses import dataclass, field

# ESP-IDF's number of each chip, in the headers of its images: esp_chip_id_t of esp_app_format.h.
CHIP_IDS = {"ESP32": 0, "ESP32-S2": 2, "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13}


@dataclass(frozen=True)
class Partition:
    """An entry of an ESP32's partition table; ``offset`` counts from the start of flash."""

    label: str
    type: int  # 0: firmware, 1: data
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.size

    @property
    def is_slot(self) -> bool:
        """Whether it is one of the slots for firmware (ota_0 to ota_15 of ESP-IDF)."""
        return self.type == 0 and 0x10 <= self.subtype < 0x20


@dataclass(frozen=True)
class Filesystem:
    """The place of the LittleFS2 filesystem in flash, and its format (bytes, blocks)."""

    offset: int
    block_size: int
    block_count: int
    prog_size: int
    read_size: int
    disk_version: int


@dataclass(frozen=True)
class Firmware:
    """The official MicroPython firmware that an image is built for."""

    version: str
    url: str
    sha256: str
    offset: int
    wheel: str = ""  # a PyPI requirement whose wheel contains the same file
    wheel_path: str = ""  # the file's path inside that wheel

    @property
    def filename(self) -> str:
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Pins:
    """The functions of a board's pins, by GPIO number. Empty tables: not known, not checked.

    ``buses`` has the default pins of each bus (``{"i2c0": {"scl": 5, "sda": 4}}``),
    ``valid`` the pins that a line may have ("i2c0.scl"); a line without an entry may have any.
    """

    gpio: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    input_only: tuple[int, ...] = ()
    adc: tuple[int, ...] = ()
    dac: tuple[int, ...] = ()
    touch: tuple[int, ...] = ()
    buses: dict[str, dict[str, int]] = field(default_factory=dict)
    valid: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def abilities(self, pin: int) -> list[str]:
        """Name the functions of a pin other than reading and setting it: "adc", "i2c0.scl"."""
        plain = {"input only": self.input_only, "adc": self.adc, "dac": self.dac}
        tables = {**plain, "touch": self.touch, **self.valid}
        return [name for name, pins in tables.items() if pin in pins]


@dataclass(frozen=True)
class Board:
    """A board type: what it is, and the limits that an image must respect."""

    name: str
    title: str
    chip: str
    port: str  # the MicroPython port: rp2, esp32 or unix
    flash_bytes: int
    heap_bytes: int  # free for Python on the stock firmware, in bytes of the 32-bit chip
    listeners: int  # TCP sockets that may listen at once
    connections: int  # TCP connections open at once, in both directions
    sockets: int  # sockets of any kind at once
    stubs: str  # the pinned PyPI requirement with this board's type stubs
    filesystem: Filesystem
    firmware: Firmware | None
    rtc_bytes: int = 0  # memory that outlives deep sleep
    wake_sources: tuple[str, ...] = ()
    wake_pins: tuple[int, ...] = ()  # that can end a deep sleep
    currents_ma: dict[str, float] = field(default_factory=dict)  # state -> mA, datasheet figures
    timings_ms: dict[str, float] = field(default_factory=dict)  # boot, start, rejoin, join
    pins: Pins = field(default_factory=Pins)
    firmware_slots: int = 1  # 2: the firmware can be replaced over the network
    partitions: tuple[Partition, ...] = ()  # of two slots; else the firmware's own table is kept

    @property
    def slot_bytes(self) -> int:
        """The size of a firmware slot; 0 if there are not two."""
        return min((p.size for p in self.partitions if p.is_slot), default=0)

    @property
    def machine(self) -> str:
        """The chip as the last word of MicroPython's ``sys.implementation._machine`` names it."""
        return self.chip.replace("-", "")


_RUNTIME_STATE = 640  # bytes of RTC memory that the runtime keeps for itself
_MOST_STATE = 512
LEAST_STATE = 64


def state_share(board: Board, services: int) -> int:
    """The bytes of JSON that each of ``services`` may have in ``self.state``."""
    if not board.rtc_bytes:
        return _MOST_STATE
    return min(_MOST_STATE, (board.rtc_bytes - _RUNTIME_STATE) // max(1, services))
