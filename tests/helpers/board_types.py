"""The board types that tests use. New files in ``boards/`` are included without a change here."""

from __future__ import annotations

from torpor_tools.project import known_boards, load_board

ALL = known_boards()
_BOARDS = [load_board(name) for name in ALL]
CHIPS = [board.name for board in _BOARDS if board.port != "unix"]
ESP32 = [board.name for board in _BOARDS if board.port == "esp32"]
PINNED = [board.name for board in _BOARDS if board.firmware and board.firmware.sha256]
PINNED_ESP32 = [name for name in PINNED if name in ESP32]
WAKE_BY_PIN = [board.name for board in _BOARDS if board.wake_pins]
