"""The board types that tests run over: a file that is added to ``boards/`` is in all of them."""

from __future__ import annotations

from torpor_tools.project import known_boards, load_board

ALL = known_boards()
_BOARDS = [load_board(name) for name in ALL]
CHIPS = [board.name for board in _BOARDS if board.port != "unix"]
ESP32 = [board.name for board in _BOARDS if board.port == "esp32"]
PINNED = [board.name for board in _BOARDS if board.firmware and board.firmware.sha256]
PINNED_ESP32 = [name for name in PINNED if name in ESP32]
WAKE_BY_PIN = [board.name for board in _BOARDS if board.wake_pins]
