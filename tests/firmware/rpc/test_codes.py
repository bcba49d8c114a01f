"""The chip's codes and frames match those of the host."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

from tests.host_tools.small_plans import MICROPYTHON
from torpor_tools.client import rpc, sign
from torpor_tools.paths import firmware_dir


def micropython(source: str, case: Any, tmp_path: Path) -> Any:
    """Run ``source``, which uses ``case`` and prints JSON, with the runtime on its path."""
    (tmp_path / "case.json").write_text(json.dumps(case))
    script = tmp_path / "script.py"
    script.write_text("import json\ncase = json.load(open('case.json'))\n" + source)
    environment = {**os.environ, "MICROPYPATH": f"{firmware_dir()}:.frozen"}
    run = subprocess.run(
        [MICROPYTHON, str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout)


def test_codes_match_those_of_the_host(tmp_path: Path) -> None:
    chance = random.Random(1)
    case = [
        [chance.randbytes(size).hex() for size in (32, chance.randrange(300))]
        + ["barn", "shed", sign.nonce(), sign.nonce()]
        for _ in range(50)
    ]
    source = """
from binascii import hexlify, unhexlify
from torpor.rpc import frames
made = []
for key, data, caller, board, ours, theirs in case:
    key = unhexlify(key)
    ends = [text.encode() for text in (caller, board, ours, theirs)]
    pair = frames.pair(key, *ends)
    sealed = [mac.seal(unhexlify(data)) for mac in pair]
    assert [mac.check(each) for mac, each in zip(pair, sealed)] == [True, True]
    assert [mac.check(each) for mac, each in zip(pair, reversed(sealed))] == [False, False]
    made.append([frames.key_name(key).decode()] + [hexlify(each).decode() for each in sealed])
print(json.dumps(made))
"""
    expected = []
    for key, data, *ends in case:
        pair = sign.pair(bytes.fromhex(key), *ends)
        sealed = [mac.seal(bytes.fromhex(data)).hex() for mac in pair]
        expected.append([sign.key_name(bytes.fromhex(key)), *sealed])
    assert micropython(source, case, tmp_path) == expected


def test_every_changed_bit_is_detected(tmp_path: Path) -> None:
    source = """
from torpor.rpc import frames
mac = frames.Mac(bytes(32))
frame = bytearray(mac.seal(b"a frame of a call"))
seen = 0
for bit in range(8 * len(frame)):
    frame[bit // 8] ^= 1 << bit % 8
    seen += not mac.check(frame)
    frame[bit // 8] ^= 1 << bit % 8
print(json.dumps([seen, 8 * len(frame), mac.check(frame)]))
"""
    assert micropython(source, None, tmp_path) == [264, 264, True]


def test_frames_match_those_of_the_host(tmp_path: Path) -> None:
    case = [1, 5000, "1a2b3c4d", "readings.newest", ["fridge-1", 3, None, 1.5, "h\u00e9"]]
    source = """
from binascii import hexlify
from torpor.rpc import frames
number, ms, mark, target, arguments = case
frame = frames.call(number, ms, int(mark, 16) & 0x3fffffff, target, "", arguments)
assert frames.read_call(frame + bytes(16)) == (target.encode() + b" ", arguments)
print(json.dumps(hexlify(frame).decode()))
"""
    number, ms, mark, target, arguments = case
    frame = rpc.encode_call(number, ms, mark, target, arguments)  # type: ignore[arg-type]
    made = bytes.fromhex(micropython(source, case, tmp_path))
    assert made[4:16] == frame[4:16]  # the length differs with the escapes of JSON
    assert json.loads(made[16:].split(b"\n")[1]) == arguments


def test_frames_arrive_in_any_pieces(tmp_path: Path) -> None:
    source = """
from torpor.rpc import frames
data = b"".join(frames.answer(n, 200, 0, bytes(n)) + bytes(16) for n in range(40))
for size in (1, 3, 11, 29, 1000, len(data)):
    cut = frames.FrameReader(frames.MAX_ANSWER)
    found = []
    for start in range(0, len(data), size):
        frame = cut.take(data[start : start + size])
        while frame is not None:
            found.append((frames.answer_head(frame)[1], len(frame)))
            frame = cut.take(b"")
    assert found == [(n, 28 + n) for n in range(40)], size
refused = 0
for length in (0, 27, frames.MAX_ANSWER + 1, 0xFFFFFFFF):
    cut = frames.FrameReader(frames.MAX_ANSWER)
    try:
        cut.take(length.to_bytes(4, "big"))
    except ValueError:
        refused += 1
print(refused)
"""
    assert micropython(source, None, tmp_path) == 4


def test_values_that_an_answer_can_hold(tmp_path: Path) -> None:
    source = """
from torpor.rpc import frames
kept = []
plain = (None, True, 1, 1.5, "x", [1, [2]], {"a": {"b": 1}})
for value in plain + (b"\\0\\1", (1, 2), ({"a": 1}, 201)):
    kind, body = frames.encode(value)
    frame = frames.answer(1, 200, kind, body) + bytes(16)
    back = frames.decode(frame, kind)
    kept.append(back == value and type(back) is type(value))
print(json.dumps(kept))
"""
    assert micropython(source, None, tmp_path) == [True] * 10


def test_the_breaker(tmp_path: Path) -> None:
    source = """
import time
from torpor import clock
now = [0]
clock.ticks = lambda: now[0]
clock.since = lambda start: now[0] - start
from torpor.rpc.retry import Breaker
b = Breaker()
said = [b.allows()]
b.failed(); b.failed()
said.append(b.allows())
b.failed()
said += [b.allows(), b.closed()]
now[0] += 501
said += [b.allows(), b.allows()]        # one call tries, the next one waits
b.failed()
now[0] += 501
first = b.allows()                      # may still wait: now up to a second
now[0] += 500
said.append(first or b.allows())
b.succeeded()
said += [b.allows(), b.closed()]
print(json.dumps(said))
"""
    expected = [True, True, False, False, True, False, True, True, True]
    assert micropython(source, None, tmp_path) == expected


def test_when_a_call_is_sent_again(tmp_path: Path) -> None:
    source = """
from torpor.rpc import retry
from torpor.rpc.retry import NEVER, SAFE, KNOWN, Lost, pause
def again(sent, late, kind, attempt=1, starting=False, left=1000):
    return pause(Lost("x", sent, late), kind, attempt, starting, left) >= 0
print(json.dumps([
    again(False, False, NEVER),          # was not sent: nothing can happen twice
    again(True, False, NEVER),
    again(True, False, SAFE),
    again(True, False, KNOWN),
    again(True, True, SAFE),             # its deadline has passed
    again(False, False, SAFE, attempt=3),
    again(False, False, SAFE, attempt=9, starting=True),
    again(True, False, SAFE, attempt=9, starting=True),
    again(True, False, SAFE, left=1),
    all(20 <= pause(Lost("x", False), SAFE, 0, False, 999) <= 40 for _ in range(99)),
]))
"""
    expected = [True, False, True, True, False, False, True, False, False, True]
    assert micropython(source, None, tmp_path) == expected
