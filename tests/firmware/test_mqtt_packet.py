"""MQTT packets in MicroPython, without sockets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
HEAD = f"import sys\nsys.path[:] = [{str(ROOT / 'firmware')!r}, '.frozen']\n"
CASES = {
    "written": """
        from torpor.mqtt import client as mqtt
        c = mqtt.connect("id", "me", "pw", 60, "t", "w")
        assert c == b"\\x10\\x1c\\0\\4MQTT\\4\\xec\\0\\x3c\\0\\2id\\0\\1t\\0\\1w\\0\\2me\\0\\2pw", c
        c = mqtt.connect("id", "", "", 60, "t", "w")
        assert c == b"\\x10\\x14\\0\\4MQTT\\4\\x2c\\0\\x3c\\0\\2id\\0\\1t\\0\\1w", c
        assert mqtt.subscribe(7, "a/b") == b"\\x82\\x08\\0\\7\\0\\3a/b\\1"
        assert mqtt.publish(258, "t", b"hi", True) == b"\\x33\\x07\\0\\1t\\1\\2hi"
        assert mqtt.publish(1, "t", b"x" * 200, False)[:3] == b"\\x32\\xcd\\1"
        assert mqtt.puback(258) == b"\\x40\\2\\1\\2"
    """,
    "read": """
        from torpor.mqtt import client as mqtt
        small = mqtt.publish(9, "t/u", b"payload", False)
        long = mqtt.publish(10, "t", b"y" * 5000, True)
        ack = mqtt.puback(3)
        for step in (1, 2, 3, 100, 100000):
            packets = mqtt.Packets(6000)
            found = []
            stream = small + ack + long + small
            for n in range(0, len(stream), step):
                packets.feed(stream[n : n + step])
                while True:
                    taken = packets.take()
                    if not taken:
                        break
                    found.append(taken)
            assert len(found) == 4, found
            one = mqtt.Published(*found[0])
            assert (one.topic, one.number, one.payload) == ("t/u", 9, b"payload")
            assert not one.is_duplicate and one.whole
            assert found[1] == (0x40, b"\\0\\3", True)
            assert mqtt.Published(*found[2]).payload == b"y" * 5000
    """,
    "too large": """
        from torpor.mqtt import client as mqtt
        small = mqtt.publish(9, "t", b"payload", False)
        stream = mqtt.publish(8, "t", b"z" * 9000, False) + small
        for step in (1, 7, 300, 100000):
            packets = mqtt.Packets(1000)
            found = []
            held = 0
            for n in range(0, len(stream), step):
                packets.feed(stream[n : n + step])
                while True:
                    taken = packets.take()
                    if not taken:
                        break
                    found.append(mqtt.Published(*taken))
                if step < 1000:
                    held = max(held, len(packets._data))
                assert packets._body is None
            assert [m.number for m in found] == [8, 9], step
            assert [m.whole for m in found] == [False, True]
            assert held < 1000, held
    """,
    "no room": """
        import micropython
        from torpor.mqtt import client as mqtt
        small = mqtt.publish(9, "t", b"payload", False)
        long = mqtt.publish(8, "t", b"z" * 3000, False)
        packets = mqtt.Packets(6000)
        mqtt.bytearray = lambda size: bytearray(10 ** 12)
        packets.feed(long[:200])
        assert packets.take() is None
        packets.feed(long[200:1000])
        first = mqtt.Published(*packets.take())
        assert (first.number, first.whole, len(first.payload)) == (8, False, 507)
        packets.feed(long[1000:] + small)
        del mqtt.bytearray
        assert mqtt.Published(*packets.take()).number == 9
        packets.feed(long[:1000])
        assert packets.take() is None
        packets.feed(long[1000:])
        assert mqtt.Published(*packets.take()).payload == b"z" * 3000
    """,
    "nonsense": """
        from torpor.mqtt import client as mqtt
        packets = mqtt.Packets(1000)
        packets.feed(b"\\x30\\xff\\xff\\xff\\xff\\xff")
        try:
            packets.take()
            raise SystemExit("taken")
        except ValueError:
            pass
        for body in (b"", b"\\0", b"\\0\\x09ab", b"\\0\\1t\\0", b"\\0\\1\\xff\\0\\1"):
            try:
                mqtt.Published(0x32, body, True)
                raise SystemExit("read: %r" % body)
            except ValueError:
                pass
    """,
    "envelopes": """
        from torpor.mqtt.execute import Bad, Envelope
        good = b'{"id":"a-1","reply":"torpor/x/answers/a-1","until":5,"service":"s"}'
        e = Envelope(good + b"\\nGET / HTTP/1.1", "torpor/x/answers/")
        assert (e.id, e.service, e.until, e.data) == ("a-1", "s", 5, b"GET / HTTP/1.1")
        for bad in (b"", b"[]", b"{", b"5", good[:-2], good.replace(b"a-1", b"a/1"),
                    good.replace(b"a-1", b""), good.replace(b'"s"', b"7"), b"\\xff",
                    good.replace(b"answers/a", b"box/in/a"), good.replace(b":5", b':"5"'),
                    good.replace(b"/a-1", b"/#"), good.replace(b"a-1", b"x" * 65)):
            try:
                Envelope(bad + b"\\n", "torpor/x/answers/")
                raise SystemExit("taken: %r" % bad)
            except Bad:
                pass
    """,
}


@pytest.mark.parametrize("case", CASES)
def test_packets(case: str, tmp_path: Path) -> None:
    import textwrap

    program = tmp_path / "program.py"
    program.write_text(HEAD + textwrap.dedent(CASES[case]) + "\nprint('done')\n")
    done = subprocess.run(
        [MICROPYTHON, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "done\n", done.stdout + done.stderr
