"""A filesystem that is full to its last block: writes that free room always work."""

from __future__ import annotations

import pytest

from tests.firmware.store.conftest import Run

# 868,352 bytes as on a Pico W, and 2 MB as on an ESP32.
BLOCKS = (212, 512)

HELPERS = """
    import random
    random.seed(3)

    def fill(path="/f/filler", leave=0):
        file = open(path, "wb")
        try:
            while os.statvfs("/f")[3] > leave:
                file.write(bytes(4096))
                file.flush()
        except OSError:
            pass
        try:
            file.close()
        except OSError:
            pass

    def filled():  # to the last byte
        n = 0
        for size in (4096, 512, 100, 1):
            try:
                while n < 400:
                    with open("/f/small%d" % n, "wb") as file:
                        file.write(bytes(size))
                    n += 1
            except OSError:
                try:
                    os.remove("/f/small%d" % n)
                except OSError:
                    pass

    async def until_full(work):
        n = 0
        try:
            while True:
                await work(n)
                n += 1
        except Fault as fault:
            assert fault.status == 507 and "full" in fault.message, fault
        return n

    def reserved():
        try:
            return os.stat(DATA + "/.reserve")[6]
        except OSError:
            return 0
"""


@pytest.mark.parametrize("blocks", BLOCKS)
def test_deleting_works_when_no_other_write_does(run: Run, blocks: int) -> None:
    out = run(
        HELPERS
        + """
    fill(leave=90)
    store = Store("a", DATA)
    numbers, texts = store.table("numbers"), store.table("texts")
    other = Store("b", DATA).table("t")
    await other.put(1, {"kept": True})
    assert reserved() == 12 * 4096
    model = {numbers: {}, texts: {}}

    async def write(n):
        table, key = ((numbers, n), (texts, "k%d" % random.getrandbits(16)))[n % 2]
        row = {"n": n, "text": "x" * random.randrange(300)}
        await table.put(key, row)
        model[table][key] = row

    count = await until_full(write)
    assert count > 800, count
    filled()
    assert not 0 < os.statvfs("/f")[3] <= os.statvfs("/f")[2]  # below zero, it wraps
    await refused(507, other.put(2, {"text": "x" * 1000}))
    assert reserved()

    # Rows all over the tables are replaced by smaller ones, or deleted.
    async def free(table, key, row):
        await table.put(key, row)
        if row is None:
            model[table].pop(key)
        else:
            model[table][key] = row

    for n in range(300):
        table = (numbers, texts)[n % 2]
        keys = sorted(model[table])
        await free(table, keys[random.randrange(len(keys))], None if n % 3 else {"n": -1})
        if n == 5:
            message = await refused(507, numbers.put(100_000, {"text": "x" * 1900}))
            assert "delete rows" in message
            await refused(507, table.put(keys[0], {"text": "x" * 1900}))
    async with store.batch():
        for key in sorted(model[numbers])[50:60]:
            await numbers.delete(key)
            model[numbers].pop(key)
        await texts.delete("unknown")
    store = Store("a", DATA)  # a restart with a full filesystem
    for name, table in (("numbers", numbers), ("texts", texts)):
        assert await rows(store.table(name)) == sorted(model[table].items(), key=lambda p: p[0])
    model = {store.table("numbers"): model[numbers], store.table("texts"): model[texts]}
    numbers, texts = model

    # When enough has been deleted, there is room again for all writes, and a reserve.
    deleted = 0
    while True:
        keys = sorted(model[numbers])
        await free(numbers, keys[random.randrange(len(keys))], None)
        deleted += 1
        if deleted % 20 == 0:
            try:
                await other.put(deleted, {"n": deleted})
                break
            except Fault as fault:
                assert fault.status == 507
    assert reserved() == 12 * 4096
    for n in range(20):
        await numbers.put(200_000 + n, {"text": "y" * 100})
        model[numbers][200_000 + n] = {"text": "y" * 100}
    store = Store("a", DATA)
    for table in (numbers, texts):
        name = table.name.split(".")[0]
        assert await rows(store.table(name)) == sorted(model[table].items(), key=lambda p: p[0])
    print(count, deleted)
    """,
        blocks=blocks,
        heap="16m",
    )
    print(out)


def test_the_deletes_of_a_request_and_its_result_are_one_commit(run: Run) -> None:
    """Through the mailbox, the result adds a row."""
    run(
        HELPERS
        + """
    from torpor.store.transaction import Joint, Windows

    fill(leave=90)
    own, store = Store("own", DATA), Store("a", DATA)
    table = store.table("t")
    windows = Windows([own, store])
    count = await until_full(lambda n: table.put(n, {"text": "x" * 300}))
    filled()
    for n in range(20):
        joint = Joint(windows, "delete-%d" % n)
        joint.begin()
        await table.delete(n * 7)
        await joint.finish(own, "HTTP/1.1 204 No Content")
        joint.end()
    joint = Joint(windows, "add")
    joint.begin()
    await table.put(count + 1, {"text": "x" * 300})
    await refused(507, joint.finish(own, "HTTP/1.1 201 Created"))
    joint.end()
    own, store = Store("own", DATA), Store("a", DATA)
    windows = Windows([own, store])
    assert windows.get("delete-0") == windows.get("delete-19") == "HTTP/1.1 204 No Content"
    assert windows.get("add") is None
    assert await store.table("t").count() == count - 20
    """,
        blocks=212,
        heap="16m",
    )


def test_a_state_is_written_on_a_full_filesystem(run: Run) -> None:
    run(
        HELPERS
        + """
    import torpor

    class Port:  # of a chip without RTC memory
        RTC_BYTES = 0

    sys.modules["torpor.port"] = torpor.port = Port
    from torpor.store import state
    state._FOLDER, state._FILE = DATA, DATA + "/state"
    fill(leave=40)
    store = Store("a", DATA)
    table = store.table("t")
    kept = state.of("one", 500)
    kept["n"] = 0
    kept.commit()
    count = await until_full(lambda n: table.put(n, {"text": "x" * 300}))
    filled()
    for n in range(1, 200):
        kept["n"], kept["text"] = n, "y" * (n % 400)
        kept.commit()
    state._states.clear()
    state._saved.clear()
    assert state.of("one", 500) == {"n": 199, "text": "y" * 199}
    for n in range(20):
        await table.delete(n * 5)
    assert await Store("a", DATA).table("t").count() == count - 20
    """,
        blocks=212,
        heap="16m",
    )
