"""A running board's REPL over its serial line: by mpremote's transport, or by ampy's.

mpremote sends in raw paste mode, where the board says when it can take more; ampy in the plain raw
mode that very old firmware has too.
"""

from __future__ import annotations

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import serial

from ...errors import UserError, fail
from ...tracebacks import as_sources
from ..flash import line

SILENCE_S = 10.0
_TRIES = 3


class BoardError(Exception):
    """An exception of the board's Python: its traceback as text."""


class NoReplError(UserError):
    """The line is open, but no REPL answers."""


class Repl(ABC):
    """The board's REPL; entering it interrupts what runs on the board. Close it after use.

    ``silence_s``: after this many seconds without a byte the board counts as lost.
    """

    def __init__(self, device: str, silence_s: float = SILENCE_S) -> None:
        self.device = device
        self._silence_s = silence_s
        line.check(device)
        try:
            with self._guarded("connecting"), contextlib.redirect_stdout(io.StringIO()):
                self._transport: Any = self._connect()
                self._enter()
        except BaseException:
            self.close()
            raise

    def run(self, code: str) -> str:
        """Run ``code`` on the board and return what it prints.

        Raises ``BoardError`` if the board's Python does, ``UserError`` if the line breaks.
        """
        with self._guarded("talking to the board"):
            out, error = self._exec(code)
        if error:
            raise BoardError(as_sources(error.decode(errors="replace")))
        return out.decode(errors="replace").replace("\r\n", "\n")

    def reset(self) -> None:
        """Reset the chip, as its button does. What it prints then can be read from ``serial``."""
        self.start("import machine\nmachine.reset()")

    def wait_longer(self, silence_s: float) -> None:
        """Wait at least this long for a byte from now on, because the board has more to do."""
        self._silence_s = max(self._silence_s, silence_s)
        self._transport.patience_s = self._silence_s

    def restart(self) -> None:
        """Restart the board's Python with boot.py but without main.py. It stays in its REPL."""
        with self._guarded("restarting the board's Python"):
            self._restart()

    def start(self, code: str) -> None:
        """Have the board run ``code`` without waiting for its end."""
        with self._guarded("talking to the board"):
            self._transport.exec_raw_no_follow(code)

    @property
    def serial(self) -> Any:
        """The open serial port (pyserial's)."""
        return self._transport.serial

    def close(self) -> None:
        """Close the line. A board that was not reset stays in its REPL."""
        transport = getattr(self, "_transport", None)
        if transport is not None:
            with contextlib.suppress(OSError, serial.SerialException):
                transport.close()

    @abstractmethod
    def _connect(self) -> Any: ...

    @abstractmethod
    def _enter(self) -> None: ...

    @abstractmethod
    def _restart(self) -> None: ...

    @abstractmethod
    def _exec(self, code: str) -> tuple[bytes, bytes]: ...

    @contextlib.contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        """Turn what the libraries raise into ``UserError``."""
        try:
            yield
        except (UserError, BoardError):
            raise
        except (OSError, serial.SerialException, EOFError) as error:
            raise line.broken(self.device, doing, error) from error
        except Exception as error:
            if type(error).__name__ not in ("TransportError", "PyboardError", "error"):
                raise
            if doing == "connecting":
                raise _no_repl(self.device) from error
            raise line.broken(self.device, doing, error) from error


class MpremoteRepl(Repl):
    """A link over mpremote's ``SerialTransport``."""

    def _connect(self) -> Any:
        from mpremote.transport_serial import SerialTransport

        patient = _patient(SerialTransport, self._silence_s)
        return patient(self.device, baudrate=line.BAUD, timeout=self._silence_s)

    def _enter(self) -> None:
        from mpremote.transport import TransportError

        for left in reversed(range(_TRIES)):
            try:
                self._transport.enter_raw_repl(soft_reset=False, timeout_overall=self._silence_s)
                return
            except TransportError:
                if not left:
                    raise

    def _restart(self) -> None:
        self._transport.enter_raw_repl(soft_reset=True, timeout_overall=self._silence_s)

    def _exec(self, code: str) -> tuple[bytes, bytes]:
        out, error = self._transport.exec_raw(code, timeout=self._silence_s)
        return bytes(out), bytes(error)


class AmpyRepl(Repl):
    """A link over adafruit-ampy's ``Pyboard``, which soft-resets the board first."""

    def _connect(self) -> Any:
        from ampy.pyboard import Pyboard

        transport = _patient(Pyboard, self._silence_s)(self.device, baudrate=line.BAUD)
        transport.serial.timeout = self._silence_s  # it would wait for the first byte forever
        return transport

    def _enter(self) -> None:
        self._transport.enter_raw_repl()

    def _restart(self) -> None:
        self._transport.enter_raw_repl()

    def _exec(self, code: str) -> tuple[bytes, bytes]:
        out, error = self._transport.exec_raw(code, timeout=self._silence_s)
        return bytes(out), bytes(error)


REPLS: dict[str, Callable[..., Repl]] = {"mpremote": MpremoteRepl, "ampy": AmpyRepl}
"""The value of ``--via`` -> the link."""


def _patient(transport: Any, silence_s: float) -> Any:
    """A library's transport that waits ``patience_s`` seconds for a byte."""

    class Patient(transport):  # type: ignore[misc]
        patience_s = silence_s

        def read_until(self, n: int, ending: bytes, timeout: float | None = 10, **kw: Any) -> Any:
            return super().read_until(n, ending, timeout=self.patience_s, **kw)

    return Patient


def _no_repl(device: str) -> NoReplError:
    error = fail(
        f"the board on {device} does not answer as MicroPython's REPL",
        "press its reset button and run the same command again. A production image has no REPL:\n"
        "flash that board again (torpor flash): an RP2 with BOOTSEL held, an ESP32 as it is",
    )
    return NoReplError(error.problems)
