# The list of modules that a custom firmware freezes: `torpor build --frozen` puts this file next to
# them, and MicroPython's build runs it (FROZEN_MANIFEST). See docs/custom-firmware.md.
# ruff: noqa: F821

try:
    include("$(BOARD_DIR)/manifest.py")  # what the official firmware of the board has
except Exception:  # most ESP32 boards have no separate list
    include("$(PORT_DIR)/boards/manifest.py")
freeze("modules", opt=2)  # without assert, with line numbers: as torpor build compiles
