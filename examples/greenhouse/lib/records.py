"""The records that the services exchange."""

from typing import TypedDict


class Climate(TypedDict):
    """The air in degrees Celsius and percent, and the soil's moisture from 0 (dry) to 1 (wet)."""

    temperature: float
    humidity: float
    soil: float


class Watering(TypedDict):
    """Whether the valve is open, and the water in the tank from 0 to 1."""

    open: bool
    tank: float
