"""Measures: one DS18X20 probe in every fridge, all on one wire."""

import asyncio
from typing import TypedDict

from torpor import Fault, Service, get, safe

from .probes import CONVERSION_MS, Probes


class Probe(TypedDict):
    """A fridge's probe: its ROM code in hex, and degrees Celsius."""

    fridge: str
    rom: str
    celsius: float


class Sensors(Service):
    """Measures how cold a fridge is.

    Config: pin (the GPIO with the probes), probes (a table of fridge = "ROM code in hex").
    """

    async def start(self) -> None:
        self._probes = Probes(self.config["pin"])
        self._roms: dict[str, bytes] = {}
        for fridge, rom in self.config["probes"].items():
            self._roms[fridge] = bytes.fromhex(rom)
        self._celsius: dict[str, float | None] = {}
        self._wire = asyncio.Lock()
        self._conversions = 0

    @safe
    async def fridges(self) -> list[str]:
        """The names of all fridges, sorted."""
        return sorted(self._roms)

    @get("/probes")
    async def temperatures(self) -> dict[str, float | None]:
        """Degrees Celsius of every fridge, measured now; None if the probe does not answer."""
        await self._measure()
        return dict(self._celsius)

    @safe
    async def temperature(self, fridge: str) -> float:
        """Degrees Celsius, measured now. Raises 404 (no such fridge) and 503 (probe absent)."""
        if fridge not in self._roms:
            raise Fault(404, "no fridge is called %s" % fridge)
        await self._measure()
        celsius = self._celsius[fridge]
        if celsius is None:
            raise Fault(503, "the probe of %s does not answer" % fridge)
        return celsius

    @get("/probes/<fridge>")
    async def probe(self, fridge: str) -> Probe:
        """A fridge's probe: its ROM code and degrees Celsius. Raises as ``temperature``."""
        celsius = await self.temperature(fridge)
        return {"fridge": fridge, "rom": self.config["probes"][fridge], "celsius": celsius}

    async def _measure(self) -> None:
        """Wait for a conversion; callers that arrive while one runs share it."""
        before = self._conversions
        async with self._wire:
            if before == self._conversions:  # no other caller has measured meanwhile
                await self._convert()
                self._conversions += 1

    async def _convert(self) -> None:
        present = self._probes.convert()
        if present:
            await asyncio.sleep_ms(CONVERSION_MS)
        for fridge, rom in self._roms.items():
            self._celsius[fridge] = self._probes.read(rom) if present else None
