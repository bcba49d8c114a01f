"""Firmware for a slot of an ESP32, without code that can run."""

from __future__ import annotations

import struct
from hashlib import sha256

# esp_chip_id_t: components/bootloader_support/include/esp_app_format.h of ESP-IDF
CHIPS = {"ESP32": 0, "ESP32-S2": 2, "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13}


def program(
    version: str = "1.28.0", *, chip: str = "ESP32-S3", fault: str = "", size: int = 20_000
) -> bytes:
    """Return an image like those of ``esptool elf2image``: header, segment, checksum and digest.

    ``fault`` is "crash" or "hang": its behaviour in the simulator before ``boot.py``.
    """
    text = f"MicroPython v{version} on 2026-03-01; torpor-sim: {fault}".encode()
    body = text + b"".join(sha256(struct.pack("<I", n)).digest() for n in range(size // 32))
    head = bytes([0xE9, 1, 2, 0x20]) + bytes(8) + struct.pack("<H", CHIPS[chip])
    image = head + bytes(9) + b"\x01" + struct.pack("<II", 0x3F400020, len(body)) + body
    checksum = 0xEF
    for byte in body:
        checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + sha256(image).digest()
