"""``machine.PWM``: traced, and visible to devices at the pin."""

from _claims import claim
from _pin import _devices, name
from _sim import facts, trace

_ESP32 = facts["port"] == "esp32"
_LEAST_HZ = 1 if _ESP32 else 8  # ports/rp2/machine_pwm.c: 125 MHz / (256 * 65535)
_MOST_HZ = 40_000_000 if _ESP32 else facts["frequency"] or 125_000_000
_states: dict = {}  # pin -> (Hz, duty of 65535, ns or None); it outlives the object


class PWM:
    def __init__(self, dest, freq=-1, *, duty_u16=-1, duty_ns=-1, **options):
        self._pin = name(dest)
        if _ESP32:
            __import__("_pin_esp32").check_output(self._pin, -258, "ESP_ERR_INVALID_ARG")
        claim(self._pin, "PWM")
        if self._pin not in _states:
            # Half of 5 kHz: ports/esp32/machine_pwm.c. A Pico's has no frequency until it is set.
            _states[self._pin] = [5000, 32768, None] if _ESP32 else [0, 0, None]
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns, **options)

    def init(self, freq=-1, *, duty_u16=-1, duty_ns=-1, **options):
        for option in options:
            if option not in (("duty", "invert", "lightsleep") if _ESP32 else ("invert",)):
                raise TypeError("extra keyword arguments given")
        if freq != -1:
            self.freq(freq)
        if duty_u16 != -1:
            self.duty_u16(duty_u16)
        if duty_ns != -1:
            self.duty_ns(duty_ns)
        if "duty" in options:
            self.duty(options["duty"])

    def deinit(self):
        _states.pop(self._pin, None)
        self._notify(0, 0)

    def _state(self):
        if self._pin not in _states:
            if _ESP32:
                raise RuntimeError("PWM is inactive")
            _states[self._pin] = [0, 0, None]
        return _states[self._pin]

    def freq(self, value=None):
        state = self._state()
        if value is None:
            return state[0]
        if _ESP32 and not _LEAST_HZ <= value <= _MOST_HZ:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        if not _ESP32 and value < _LEAST_HZ:
            raise ValueError("freq too small")
        if value > _MOST_HZ:
            raise ValueError("freq too large")
        state[0] = value
        if state[2] is not None:
            state[1] = min(65535, state[2] * value * 65535 // 1_000_000_000)
        self._notify(value, state[1])

    def duty_u16(self, value=None):
        state = self._state()
        if value is None:
            return state[1]
        if _ESP32 and not 0 <= value <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        state[1], state[2] = min(value, 65535), None
        self._notify(state[0], state[1])

    def duty_ns(self, value=None):
        state = self._state()
        if value is None:
            if state[2] is not None:
                return state[2]
            return state[1] * 1_000_000_000 // (65535 * state[0]) if state[0] else 0
        state[1], state[2] = min(65535, value * state[0] * 65535 // 1_000_000_000), value
        self._notify(state[0], state[1])

    if _ESP32:

        def duty(self, value=None):
            if value is None:
                return self.duty_u16() >> 6
            if not 0 <= value <= 1023:
                raise ValueError("duty must be from 0 to 1023")
            self.duty_u16(value << 6)

    def _notify(self, freq, duty):
        trace("pwm", pin=self._pin, freq=freq, duty=duty)
        if _devices:
            state = _states.get(self._pin)
            high_ns = self.duty_ns() if state else 0
            for device in _devices.get(self._pin, ()):
                device.pwm(freq, high_ns)

    def __repr__(self):
        state = self._state()
        return "PWM(Pin(%s), freq=%d, duty_u16=%d)" % (self._pin, state[0], state[1])
