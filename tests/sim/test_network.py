"""The simulated radio: joining, losing the access point, and what is traced of it."""

from __future__ import annotations

from pathlib import Path

from tests.sim import tiny
from torpor_sim import Simulator

_JOIN = """
import network, time
wlan = network.WLAN(network.WLAN.IF_STA)
wlan.active(True)
print("first", wlan.isconnected(), wlan.ifconfig()[0])
wlan.connect("home", "secret")
print("then", wlan.status() == network.STAT_CONNECTING)
while not wlan.isconnected():
    time.sleep_ms(1)
"""


async def test_it_joins_under_the_boards_address(tmp_path: Path) -> None:
    source = (
        _JOIN
        + """
print("joined", wlan.ifconfig()[0], wlan.config("ssid"), wlan.status("rssi"))
print(wlan is network.WLAN(network.STA_IF), len(wlan.config("mac")), network.hostname())
wlan.config(pm=wlan.PM_POWERSAVE)
network.country("DE")
wlan.disconnect()
print("left", wlan.isconnected(), network.country())
wlan.active(False)
"""
    )
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("left False DE")
        assert tiny.printed(board.log)[:4] == [
            "first False 0.0.0.0",
            "then True",
            "joined 127.0.1.1 home -55",
            "True 6 PicoW",
        ]
        await board.trace.wait(lambda e: e.get("state") == "off", what="radio off", timeout=30)
        radio = [(e["state"], e["power"]) for e in board.trace if e["event"] == "radio"]
    assert radio == [
        ("idle", "performance"),
        ("joining", "performance"),
        ("up", "performance"),
        ("up", "powersave"),
        ("idle", "powersave"),
        ("off", "powersave"),
    ]


async def test_the_access_point_can_disappear_and_return(tmp_path: Path) -> None:
    source = (
        _JOIN
        + """
print("joined")
while wlan.isconnected():
    time.sleep_ms(1)
print("lost", wlan.status() == network.STAT_NO_AP_FOUND, wlan.scan())
while not wlan.isconnected():
    time.sleep_ms(1)
print("back", len(wlan.scan()), wlan.status("rssi"))
"""
    )
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("joined")
        board.inputs.wifi(up=False)
        await board.wait_log("lost True []")
        board.inputs.wifi(rssi=-80)
        board.inputs.wifi(up=True)
        await board.wait_log("back 1 -80")


async def test_an_access_point_refuses_a_wrong_password(tmp_path: Path) -> None:
    source = """
import network, time
wlan = network.WLAN(network.STA_IF)
wlan.active(True)
print("ready")
while wlan.status() != network.STAT_WRONG_PASSWORD:
    wlan.connect("home", "guess")
    time.sleep_ms(50)
print("refused", wlan.isconnected())
wlan.connect("home", "secret")
while not wlan.isconnected():
    time.sleep_ms(1)
print("joined")
"""
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        board.inputs.wifi(password="secret")
        await board.wait_log("refused False")
        await board.wait_log("joined")


async def test_an_esp32_loses_its_wifi_in_light_sleep_and_a_pico_does_not(tmp_path: Path) -> None:
    source = (
        _JOIN
        + """
import machine
machine.lightsleep(1)
print("after", wlan.isconnected())
"""
    )
    pico = tiny.program(tmp_path / "a", source, tiny.plan("pico"))
    esp = tiny.program(tmp_path / "b", source, tiny.plan("esp", board_type=tiny.board("esp32")))
    async with Simulator([pico, esp]) as sim:
        await sim.board("pico").wait_log("after True")
        await sim.board("esp").wait_log("after False")


async def test_the_time_comes_only_over_the_network(tmp_path: Path) -> None:
    source = (
        """
import ntptime
try:
    ntptime.settime()
except OSError as e:
    print("no time", e.errno)
"""
        + _JOIN
        + "ntptime.settime()\nprint('set', abs(ntptime.time() - time.time()) < 2)"
    )
    async with Simulator([tiny.program(tmp_path, source)]) as sim:
        board = sim.board("shed")
        await board.wait_log("set True")
        assert tiny.printed(board.log)[0] == "no time 110"


async def test_an_esp32_keeps_its_nvs_and_a_pico_has_a_button(tmp_path: Path) -> None:
    keep = """
import esp32, machine
nvs = esp32.NVS("torpor")
try:
    buffer = bytearray(2)
    print("kept", nvs.get_i32("n"), nvs.get_blob("b", buffer), buffer, esp32.raw_temperature())
except OSError as e:
    print("empty", e.errno)
    nvs.set_i32("n", 7)
    nvs.set_blob("b", b"xy")
    nvs.commit()
    machine.reset()
"""
    press = """
import rp2, time
rp2.country("DE")
while not rp2.bootsel_button():
    time.sleep_ms(1)
print("pressed")
"""
    pico = tiny.program(tmp_path / "a", press, tiny.plan("pico"))
    esp = tiny.program(tmp_path / "b", keep, tiny.plan("esp", board_type=tiny.board("esp32")))
    async with Simulator([pico, esp]) as sim:
        sim.board("pico").inputs.pin("BOOTSEL", 1)
        await sim.board("pico").wait_log("pressed")
        await sim.board("esp").wait_log("kept 7 2 bytearray(b'xy') 104")
        assert tiny.printed(sim.board("esp").log)[0] == "empty -4354"
