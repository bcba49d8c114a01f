"""Flashing a chip of the ESP32 family with esptool.

The boot loader that takes the bytes is in the chip's ROM, so flashing that was interrupted is
repeated with the same command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import UserError, fail
from ...model.board import Board
from . import line, native
from .catalogue import Progress
from .native import Plug

_FAST = 460800  # baud; every usual bridge does it
_MIB = 1 << 20
_ATTEMPTS = 3
_BUGS = (AssertionError, NameError, AttributeError, TypeError)


def flash(
    file: Path,
    board: Board,
    device: str,
    *,
    force: bool = False,
    progress: Progress | None = None,
    patience_s: float = native.BACK_S,
) -> str | None:
    """Write ``file`` through the serial port ``device``, compare the flash with it, and reset.

    Args:
        file: what to write.
        board: the board type.
        device: the serial port.
        force: whether to write although the firmware is not made for the chip's revision.
        progress: is called as the file goes out.
        patience_s: how long the port may stay away after a reset, in seconds.

    Returns:
        The serial port that the board has afterwards; None if it has not come back.

    Raises:
        UserError: the flash does not hold the file.
    """
    assert board.firmware
    content = file.read_bytes()
    line.check(device)
    plug = native.plug_of(device)
    with _esptool(device, progress) as tool, _connect(tool, device, plug, patience_s) as rom:
        _check_chip(rom.CHIP_NAME, board, device)
        esp = tool.run_stub(rom)
        if not device.startswith("socket:"):
            esp.change_baud(_FAST)
        tool.attach_flash(esp)
        _check_size(tool.detect_flash_size(esp), board, len(content))
        parts = [(board.firmware.offset, content)]
        tool.write_flash(esp, parts, compress=True, force=force)
        tool.verify_flash(esp, parts)
        tool.reset_chip(esp, "hard-reset")
    return plug.wait(patience_s, native.running(board.chip)) if plug else device


def _connect(tool: Any, device: str, plug: Plug | None, patience_s: float) -> Any:
    """The chip in its boot loader, by esptool.

    The reset that brings a chip there can take its own USB away from under esptool.
    """
    try:
        return tool.detect_chip(device, connect_attempts=_ATTEMPTS)
    except Exception as error:
        silent = "Failed to connect" in str(error)
        if plug is None or isinstance(error, _BUGS) or (silent and plug.unchanged()):
            raise
    new_device = plug.wait(patience_s)
    if new_device is None:
        raise fail(
            f"the board went away from {device} when it was sent into its boot loader, "
            f"and has not come back within {patience_s:g} s",
            "hold its BOOT button while you plug it in, then run the same command again",
        )
    return tool.detect_chip(new_device, connect_attempts=_ATTEMPTS)


def _check_chip(found: str, board: Board, device: str) -> None:
    if found != board.chip:
        raise fail(
            f"the board on {device} has an {found}, and {board.name} an {board.chip}",
            'correct "type" in cluster.toml, or name the other board with --port',
        )


def _check_size(found: str | None, board: Board, size: int) -> None:
    """``found`` is "4MB" or similar, or None if the flash chip does not report its size."""
    if found is None or not found.endswith("MB"):
        return
    there = int(found.removesuffix("MB")) * _MIB
    assert board.firmware
    needed = board.firmware.offset + size
    if needed > there:
        raise fail(
            f"the file needs {needed:,} bytes, and the board's flash has {there:,}",
            "use a board with more flash: boards/README.md lists what each type needs",
        )


@contextmanager
def _esptool(device: str, progress: Progress | None) -> Iterator[Any]:
    """Esptool's commands, with its output turned into ``progress`` and its errors into ours."""
    import esptool
    from esptool.logger import EsptoolLogger

    usual = EsptoolLogger()
    usual.set_logger(_logger(progress))
    try:
        yield esptool.cmds
    except UserError:
        raise
    except Exception as error:  # it raises FatalError, SerialException, OSError and StopIteration
        if isinstance(error, _BUGS):
            raise
        raise _explain(device, error) from error
    finally:
        usual.set_logger(usual)


def _explain(device: str, error: Exception) -> UserError:
    text = str(error)
    if "Failed to connect" in text or "No serial data received" in text:
        return fail(
            f"no ESP32 answers on {device}",
            "hold the board's BOOT button while you run the same command again",
        )
    if "Verification failed" in text or "does not match" in text:
        return fail(
            f"the flash of the board on {device} does not contain what was written",
            "run the same command again; if this repeats, the flash chip is worn out",
        )
    if "chip revision" in text:
        return fail(
            f"the firmware is not made for the revision of the chip on {device}: {text}",
            "use a newer board, or flash it anyway with --force",
        )
    return line.broken(device, "flashing", error)


def _logger(progress: Progress | None) -> Any:
    from esptool.logger import TemplateLogger

    class Quiet(TemplateLogger):  # type: ignore[misc]
        """Prints nothing: our own messages replace its output."""

        def print(self, *args: Any, **kwargs: Any) -> None:
            pass

        def note(self, message: str) -> None:
            pass

        def warning(self, message: str) -> None:
            pass

        def error(self, message: str) -> None:
            pass

        def stage(self, finish: bool = False) -> None:
            pass

        def progress_bar(
            self,
            cur_iter: int,
            total_iters: int,
            prefix: str = "",
            suffix: str = "",
            bar_length: int = 30,
        ) -> None:
            if progress:
                progress(cur_iter, total_iters)

        def set_verbosity(self, verbosity: str) -> None:
            pass

    return Quiet()
