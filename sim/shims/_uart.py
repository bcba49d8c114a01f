"""``machine.UART``: a device at its pins receives what is sent, and sends as time passes."""

import io
import time
from errno import EINVAL  # type: ignore[attr-defined]

import _clock_steps
import _sim
from _bus import claim, pins_of, wiring
from _sim import facts, trace

_ESP32 = facts["port"] == "esp32"
_BUFFER = 256  # bytes: DEFAULT_BUFFER_SIZE in ports/rp2/machine_uart.c, rxbuf in ports/esp32's
_MP_STREAM_POLL = 3
_READABLE, _WRITABLE = 1, 4


class UART(io.IOBase):
    INV_TX = 4 if _ESP32 else 1
    INV_RX = 8 if _ESP32 else 2
    CTS = 2 if _ESP32 else 1
    RTS = 1 if _ESP32 else 2
    if _ESP32:
        INV_RTS, INV_CTS = 64, 16
        IRQ_RX, IRQ_RXIDLE, IRQ_BREAK = 1, 0x1000, 2
    else:
        IRQ_RXIDLE, IRQ_TXIDLE, IRQ_BREAK = 64, 32, 512

    def __init__(self, id=0, baudrate=115_200, bits=8, parity=None, stop=1, **options):
        self._id = id
        self._rx = b""
        self._handler = None
        self._timeout = 0
        self._timeout_char = 0
        self._buffer = _BUFFER
        self._set(**options)
        if not baudrate > 0:
            raise ValueError("invalid baudrate")
        self._baudrate = baudrate
        lines = {line: options.get(line) for line in ("tx", "rx")}
        self._pins = pins_of("UART", id, **lines)
        if _ESP32:
            __import__("_pin_esp32").check_output(self._pins["tx"], 1, "ESP_FAIL")
        claim("UART(%d)" % id, self._pins)
        devices = wiring()
        self._device = devices.uart(self._pins["tx"], self._pins["rx"]) if devices else None
        if self._device:
            _clock_steps.steps[repr(id)] = self

    def init(self, baudrate=115_200, bits=8, parity=None, stop=1, **options):
        self.__init__(self._id, baudrate, bits, parity, stop, **options)

    def _set(self, **options):
        for option in options:
            if option not in (
                "tx",
                "rx",
                "cts",
                "rts",
                "txbuf",
                "rxbuf",
                "timeout",
                "timeout_char",
                "invert",
                "flow",
            ):
                raise TypeError("extra keyword arguments given")
        self._timeout = options.get("timeout", 0)
        self._timeout_char = options.get("timeout_char", 0)
        self._buffer = max(32, options.get("rxbuf", _BUFFER))

    def deinit(self):
        self._device = None

    def _left(self):
        """The ms until the device may send something; None: it will not."""
        return self._device.due() if self._device else None

    def _look(self):
        self._fill()

    def _fill(self):
        """Take what the device has sent by now; what does not fit into the buffer is lost."""
        if self._device:
            self._rx = (self._rx + self._device.sent())[: self._buffer]

    def _wait(self, nbytes):
        """Wait for ``nbytes`` as long as the time-outs allow: ``timeout`` for the first byte."""
        self._fill()
        limit = self._timeout
        end = time.ticks_add(time.ticks_ms(), limit)
        before = len(self._rx)
        while len(self._rx) < nbytes and time.ticks_diff(end, time.ticks_ms()) > 0:
            time.sleep_ms(1)
            self._fill()
            if len(self._rx) > before:
                before = len(self._rx)
                end = time.ticks_add(time.ticks_ms(), max(1, self._timeout_char))

    def _take(self, nbytes):
        data = self._rx[:nbytes]
        self._rx = self._rx[nbytes:]
        return data

    def any(self):
        self._fill()
        return len(self._rx)

    def read(self, nbytes=-1):
        self._wait(self._buffer if nbytes < 0 else nbytes)
        return self._take(len(self._rx) if nbytes < 0 else nbytes) or None

    def readinto(self, buf, nbytes=-1):
        wanted = len(buf) if nbytes < 0 else min(nbytes, len(buf))
        self._wait(wanted)
        data = self._take(wanted)
        buf[: len(data)] = data
        return len(data) or None

    def readline(self):
        line = b""
        while line[-1:] != b"\n":
            self._wait(1)
            byte = self._take(1)
            if not byte:
                break
            line += byte
        return line or None

    def write(self, buf):
        data = bytes(buf, "utf-8") if isinstance(buf, str) else bytes(buf)
        trace("uart", id=self._id, sent=len(data))
        if self._device:
            self._device.receive(data)
        if self._handler:
            self.due = time.ticks_add(_sim.ticks(), 1)
        return len(data)

    def flush(self):
        pass

    def txdone(self):
        return True

    def sendbreak(self):
        pass

    def irq(self, handler=None, trigger=0, hard=False):
        if _ESP32 and hard:
            raise ValueError("hard IRQ is not supported")
        import _irq

        self._handler = handler
        self._last = self._quiet = 0
        self.due = self._since = _sim.ticks()
        if self not in _irq.timers:
            _irq.timers.append(self)
        _irq.start()

    def _fire(self):
        """Call the handler once the incoming data has ended."""
        import _irq

        self._fill()
        new, self._last = len(self._rx) > self._last, len(self._rx)
        wait = 1 if new or not _clock_steps.stepped else self._left()
        self.due = time.ticks_add(_sim.ticks(), 1000 if wait is None else wait)
        if new:
            self._quiet = 1
        elif self._quiet:
            self._quiet = 0
            if self._handler:
                _irq.call(self._handler, self)

    def ioctl(self, request, argument):
        if request != _MP_STREAM_POLL:
            return -EINVAL  # it has no number that select could wait for: 0 is the input's
        self._fill()
        return (_READABLE if self._rx else 0) & argument | _WRITABLE & argument

    def __repr__(self):
        return "UART(%d, baudrate=%d, tx=%s, rx=%s)" % (
            self._id,
            self._baudrate,
            self._pins["tx"],
            self._pins["rx"],
        )
