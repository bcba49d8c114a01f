"""The emulated Wi-Fi chip never lets its driver wait for a credit that does not come."""

from __future__ import annotations

from torpor_sim.wifi_credit import Bus

_ARP = bytes(14) + b"an announcement"


class Driver:
    """Counts as cyw43-driver does (``cyw43_sdpcm_send_common``, ``sdpcm_process_rx_packet``)."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.number = 0
        self.credit = 1

    def send(self) -> None:
        size = 18 + len(_ARP)
        head = size.to_bytes(2, "little") + (~size & 0xFFFF).to_bytes(2, "little")
        head += bytes([self.number, 2, 0, 14, 0, 0, 0, 0])
        self.number = (self.number + 1) & 0xFF
        self.bus._write_wlan(head + bytes(6) + _ARP)

    def receive(self) -> int:
        """Take all frames; returns how many there were."""
        frames = 0
        while frame := self.bus._rx_packet:
            self.bus._read_wlan(len(frame))
            if (frame[9] - self.credit) & 0xFF <= 20:
                self.credit = frame[9]
            frames += 1
        return frames

    def must_wait(self) -> bool:
        return self.credit == self.number


def test_received_frames_use_no_credit() -> None:
    bus = Bus()
    driver = Driver(bus)
    driver.send()
    for _ in range(600):
        bus.queue_rx_ethernet_frame(_ARP)
        assert driver.receive()
        assert not driver.must_wait()


def test_a_driver_that_only_sends_gets_a_credit_for_each_frame() -> None:
    driver = Driver(Bus())
    for _ in range(600):
        driver.send()
        assert driver.receive() == 1
        assert not driver.must_wait()


def test_after_power_off_the_driver_counts_from_0() -> None:
    bus = Bus()
    driver = Driver(bus)
    for _ in range(100):
        driver.send()
        driver.receive()
    bus.power_off()
    driver = Driver(bus)
    driver.send()
    assert driver.receive() == 1
    assert not driver.must_wait()
