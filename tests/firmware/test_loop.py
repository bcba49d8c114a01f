"""The guarantees of ``torpor/loop.py``, one test for each point of its list.

They run on the MicroPython of this environment. ``TORPOR_MICROPYTHON=/path/to/micropython`` runs
them on another version: try that before a new version is supported.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.boards import MICROPYTHON
from tests.helpers.brokers import free_port
from torpor_tools.paths import firmware_dir

INTERPRETER = os.environ.get("TORPOR_MICROPYTHON", str(MICROPYTHON))

HEAD = """
import asyncio
import socket
import sys
import time
from errno import EINPROGRESS

sys.path.insert(0, "{firmware}")
from torpor import loop

events = []


def note(event):
    events.append(event)


async def noting(event):
    note(event)


async def connected():
    # Two sockets that are connected to each other.
    address = socket.getaddrinfo("127.0.0.1", {port})[0][-1]
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(address)
    server.listen(1)
    server.setblocking(False)
    client = socket.socket()
    client.setblocking(False)
    try:
        client.connect(address)
    except OSError as e:
        assert e.errno == EINPROGRESS
    await until_writable(client)
    await until_readable(server)
    accepted = server.accept()[0]
    accepted.setblocking(False)
    server.close()
    return client, accepted


# async
def until_readable(sock):
    yield loop.queue_read(sock)


# async
def until_writable(sock):
    yield loop.queue_write(sock)


async def until(condition):
    while not condition():
        await asyncio.sleep_ms(1)


async def main():
{body}
    print("passed")


asyncio.run(asyncio.wait_for(main(), 20))
"""


def run(tmp_path: Path, body: str) -> None:
    """Run the body of a coroutine on MicroPython; its assertions are those of the test."""
    text = HEAD.replace("{firmware}", str(firmware_dir()))
    text = text.replace("{port}", str(free_port()))
    text = text.replace("{body}", "\n".join(f"    {line}" for line in body.strip().splitlines()))
    script = tmp_path / "script.py"
    script.write_text(text)
    done = subprocess.run(
        [INTERPRETER, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.endswith("passed\n"), done.stdout + done.stderr


def test_1_readable_waits_for_bytes_and_for_the_end(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
here, there = await connected()

async def read():
    for _ in range(2):
        await until_readable(here)
        note(here.read(100))

task = asyncio.create_task(read())
for _ in range(3):
    await asyncio.sleep_ms(5)
    note("nothing")
there.write(b"hello")
await until(lambda: b"hello" in events)
there.close()
await task
assert events == ["nothing", "nothing", "nothing", b"hello", b""], events
""",
    )


def test_1_a_task_that_waits_for_bytes_can_be_cancelled(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
here, there = await connected()

async def read():
    try:
        await until_readable(here)
    except asyncio.CancelledError:
        note("cancelled")

task = asyncio.create_task(read())
await asyncio.sleep_ms(1)
task.cancel()
await task
there.write(b"unread")
await asyncio.sleep_ms(5)
assert events == ["cancelled"], events
""",
    )


def test_2_writable_waits_for_room(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
here, there = await connected()
while here.write(bytes(65536)):
    pass

async def write():
    await until_writable(here)
    note(here.write(b"x"))

task = asyncio.create_task(write())
await asyncio.sleep_ms(20)
assert events == [], events
while not events:
    there.read(65536)
    await asyncio.sleep_ms(0)
assert events == [1], events
""",
    )


def test_3_push_lets_every_task_that_is_ready_run_first(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
# async
def take(name):
    for i in range(3):
        note(name + str(i))
        yield loop.push()

await asyncio.gather(take("a"), take("b"), take("c"))
assert events == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"], events
""",
    )


def test_4_wake_task_ends_a_sleep_and_keeps_a_cancellation(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
async def sleep(name):
    try:
        await asyncio.sleep_ms(1000000)
        note(name + " woken")
        await asyncio.sleep_ms(1)
        note(name + " slept")
    except asyncio.CancelledError:
        note(name + " cancelled")

async def second_wake(task):
    loop.wake_task(task)

tasks = [asyncio.create_task(sleep(name)) for name in ("a", "b", "c")]
await asyncio.sleep_ms(1)
loop.wake_task(tasks[0])
loop.wake_task(tasks[0])  # twice has the effect of once
tasks[1].cancel()
loop.wake_task(tasks[1])
loop.wake_task(asyncio.current_task())  # runs already
await asyncio.gather(tasks[0], tasks[1])
assert events == ["a woken", "b cancelled", "a slept"], events
tasks[2].cancel()
await tasks[2]
""",
    )


def test_5_run_or_spawn_runs_a_coroutine_that_never_waits_at_once(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
async def raising():
    raise ValueError("raised")

loop.run_or_spawn(noting("ran"))
assert events == ["ran"], events
try:
    loop.run_or_spawn(raising())
except ValueError as e:
    note(str(e))
assert events == ["ran", "raised"], events
""",
    )


def test_5_a_coroutine_that_waits_continues_as_a_task(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
here, there = await connected()
own = asyncio.current_task()
ready = asyncio.Event()
tasks = []

async def work(wait):
    task = asyncio.current_task()
    tasks.append(task)
    note(task is not own)
    try:
        await wait
    except asyncio.CancelledError:
        note("cancelled")
        return
    note(asyncio.current_task() is task)

def spawn(wait):
    loop.run_or_spawn(work(wait))
    assert asyncio.current_task() is own

async def deeper():
    loop.run_or_spawn(work(asyncio.sleep_ms(1)))
    await asyncio.sleep_ms(1)

spawn(asyncio.sleep_ms(1))
spawn(ready.wait())
spawn(until_readable(here))
spawn(loop.pause(1))
spawn(deeper())
assert events == [True] * 6, events
ready.set()
there.write(b"x")
await until(lambda: len(events) == 12)
assert events == [True] * 12, events
await asyncio.sleep_ms(1)
assert all(task.done() for task in tasks)
spawn(asyncio.sleep_ms(1000000))
tasks[-1].cancel()
await tasks[-1]
assert events[-1] == "cancelled", events
""",
    )


def test_6_idle_callbacks_get_the_time_to_the_next_timer_in_order(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
seen = []

def first(ms):
    seen.append(("first", ms))
    return ms

def last(ms):
    seen.append(("last", ms))
    return ms

loop.on_idle(last, 100)
loop.on_idle(first)
for _ in range(50):
    await asyncio.sleep_ms(0)  # ready all the time: never idle
assert seen == [], seen
await asyncio.sleep_ms(30)
assert [name for name, _ in seen[:2]] == ["first", "last"], seen
assert all(0 < ms <= 30 for _, ms in seen), seen
""",
    )


def test_6_no_wait_is_longer_than_callbacks_allow(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
used = []
waits = []
queue = asyncio.core._io_queue
poll = queue.wait_io_event

def wait_io_event(ms):
    waits.append(ms)
    poll(ms)

queue.wait_io_event = wait_io_event

def impatient(ms):
    used.append(ms)
    if len(used) == 5:
        ready.set()
        return 0  # it has made a task ready
    return 1

ready = asyncio.Event()

async def wait():
    await ready.wait()
    note("ready")

loop.on_idle(impatient)
await wait()
assert events == ["ready"] and len(used) == 5, used
assert all(1 < ms <= 20000 for ms in used), used
assert max(waits) == 1, waits
""",
    )


def test_7_pause_is_a_sleep_that_can_be_cancelled(tmp_path: Path) -> None:
    run(tmp_path, _PAUSE.replace("{lazy}", "False").replace("{hidden}", "False"))


def test_7_callbacks_do_not_see_a_lazy_pause_as_a_timer(tmp_path: Path) -> None:
    run(tmp_path, _PAUSE.replace("{lazy}", "True").replace("{hidden}", "True"))


_PAUSE = """
timers = []

def look(ms):
    timers.append(ms)
    return ms

async def pause(name, ms):
    try:
        await loop.pause(ms)
        note(name)
    except asyncio.CancelledError:
        note(name + " cancelled")

loop.on_idle(look)
loop.lazy = {lazy}
tasks = [asyncio.create_task(pause(*each)) for each in (("b", 20), ("a", 5), ("c", 10000))]
await asyncio.gather(tasks[0], tasks[1])
assert events == ["a", "b"], events
assert all((ms > 1000) == {hidden} for ms in timers), timers  # the time limit of this test remains
tasks[2].cancel()
await tasks[2]
assert events == ["a", "b", "c cancelled"], events
assert loop._parked.peek() is None
"""


ONLY_IN = {
    r"asyncio\.core\b|asyncio import core|_io_queue|_task_queue|\bcur_task|\bph_key": "loop.py",
    r"EINPROGRESS": "sockets.py",
    r'open\("/secrets': "secrets.py",
    r"\.steps:": "http/router.py",
}


@pytest.mark.parametrize("pattern", ONLY_IN)
def test_each_mechanism_is_in_one_file(pattern: str) -> None:
    runtime = firmware_dir() / "torpor"
    files = {
        str(path.relative_to(runtime))
        for path in runtime.rglob("*.py")
        if re.search(pattern, path.read_text())
    }
    assert files == {ONLY_IN[pattern]}
