from __future__ import annotations

from tests.firmware.store.conftest import Run


def test_rows_survive_a_restart(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    for i in range(500):
        assert await table.append({"i": i, "text": "é\\n\\x1e"}) == i + 1
    assert await table.get(7) == {"i": 6, "text": "é\\n\\x1e"}
    await table.put(7, {"i": None})
    await table.delete(8)
    table = Store("a", DATA).table("t")
    assert await table.count() == 499
    assert await table.get(7) == {"i": None}
    assert await table.get(8) is None
    assert await table.get(501) is None
    assert await table.append({}) == 501
    """)


def test_scans_by_range_in_both_directions(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    for i in range(0, 3000, 3):
        await table.append({"i": i}, i)
    keys = [key for key, _ in await rows(table, 300, 900)]
    assert keys == list(range(300, 900, 3))
    keys = [key for key, _ in await rows(table, 299, 901, newest=True)]
    assert keys == list(range(900, 298, -3))
    assert [key for key, _ in await rows(table, limit=2)] == [0, 3]
    assert await rows(table, newest=True, limit=1) == [(2997, {"i": 2997})]
    assert await rows(table, 5, 5) == await rows(table, 9, 5) == await rows(table, limit=0) == []
    assert await rows(table, 5000) == await rows(table, None, -5) == []
    assert len(await rows(table)) == 1000
    total = 0
    async for keys, found in table.pages(30, 60):
        assert len(keys) == len(found)
        total += len(keys)
    assert total == 10
    """)


def test_keys_in_any_order_and_text_keys(run: Run) -> None:
    run(
        """
    import random
    random.seed(7)
    for name, make in (("numbers", lambda: random.getrandbits(12) - 2048),
                       ("texts", lambda: "k%d,\\"" % random.getrandbits(12))):
        table = Store("a", DATA).table(name)
        model = {}
        for i in range(3000):
            key = make()
            if i % 3 == 2:
                await table.delete(key)
                model.pop(key, None)
            else:
                await table.put(key, {"i": i})
                model[key] = {"i": i}
            if i % 500 == 0:
                assert await table.count() == len(model)
        for again in range(2):
            assert await rows(table) == sorted(model.items(), key=lambda item: item[0])
            assert await table.count() == len(model)
            low, high = sorted([make(), make()])
            expected = sorted([k for k in model if low <= k < high], reverse=True)
            assert [k for k, _ in await rows(table, low, high, newest=True)] == expected
            table = Store("a", DATA).table(name)
    """,
        heap="8m",
    )


def test_a_scan_continues_during_writes(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    for i in range(400):
        await table.append({"i": i})
    seen = []
    async for key, row in table.scan():
        seen.append(key)
        if key <= 400:
            await table.put(key, {"again": key})
            await table.delete(key - 1)
        if key == 100:
            await table.put(1000, {})
    assert seen == list(range(1, 401)) + [1000]
    assert await table.count() == 2
    """)


def test_other_tasks_run_during_compaction(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    for i in range(2000):
        await table.append({"i": i, "more": "x" * 20})
    turns = 0
    busy = False
    async def count_turns():
        nonlocal turns
        while True:
            turns += busy
            await asyncio.sleep_ms(0)
    asyncio.create_task(count_turns())
    most = 0
    for i in range(200):  # all over the table: every leaf is written again
        turns, busy = 0, True
        await table.put(i * 10, {"i": -i})
        busy = False
        most = max(most, turns)
    assert most > 15, most  # a leaf has 8 blocks, and there are several
    """)


def test_bounds_remove_the_oldest_rows(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t", keep=100)
    for i in range(2000):
        await table.append({"i": i})
        if i % 100 == 99:
            count = await table.count()
            assert min(100, i) <= count <= 230, count  # a leaf and the journal more
    assert [key for key, _ in await rows(table)] == list(range(2001 - count, 2001))
    from torpor import clock
    now = clock.now()
    table = Store("a", DATA).table("old", max_age=3600)
    for i in range(3000):
        await table.append({"i": i}, now - 4 * (3000 - i))
    keys = [key for key, _ in await rows(table)]
    assert now - 7200 < keys[0] <= now - 3600 and keys[-1] == now - 4
    """)


def test_a_batch_is_one_commit(run: Run) -> None:
    run("""
    store = Store("a", DATA)
    one, two = store.table("one"), store.table("two")
    before = store.flushes
    async with store.batch():
        key = await one.append({"n": 1})
        assert await one.append({"n": 2}) == key + 1
        await two.put("x", {"n": 3})
        assert await one.count() == 0
        async def other():
            await two.put("other", {})
        await asyncio.create_task(other())
        assert await two.get("other") == {}
    assert store.flushes == before + 2
    assert (await one.count(), await two.count()) == (2, 2)
    try:
        async with store.batch():
            await one.put(9, {})
            raise ValueError
    except ValueError:
        pass
    assert await one.get(9) is None
    async def large():
        async with store.batch():
            for i in range(10):
                await one.put(20 + i, {"x": "y" * 1000})
    assert "8192 bytes" in await refused(413, large())
    assert await one.count() == 2
    """)


def test_invalid_rows_and_keys(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    await table.put(5, {"a": [1, None, True, {"b": "c"}]})
    await refused(400, table.put(6, {"x": float("nan")}))
    await refused(400, table.put(6, {"x": object()}))
    assert "2048" in await refused(413, table.put(6, {"x": "y" * 2048}))
    await refused(400, table.put("text", {}))
    await refused(400, table.put(True, {}))
    await refused(400, table.put(1.5, {}))
    await refused(400, table.put(1 << 64, {}))
    texts = Store("a", DATA).table("u")
    await refused(400, texts.put("", {}))
    await refused(400, texts.put("x" * 65, {}))
    await texts.put("x" * 64, {})
    assert "not above the last, 5" in await refused(409, table.append({}, 5))
    assert await table.count() == 1
    assert (await table.get(5))["a"][3] == {"b": "c"}
    """)


def test_commits_of_a_wake_share_a_flush(run: Run) -> None:
    run("""
    store = Store("a", DATA)
    table = store.table("t", commit="wake")
    before = store.flushes, flash.erases
    for i in range(30):
        await table.append({"i": i})
    assert store.flushes == before[0]
    store.flush()
    assert store.flushes == before[0] + 1
    assert flash.erases - before[1] <= 2, flash.erases - before[1]
    assert await Store("a", DATA).table("t").count() == 30
    """)


def test_a_full_filesystem_is_reported_and_recovers(run: Run) -> None:
    run(
        """
    store = Store("a", DATA)
    table = store.table("t")
    other = store.table("other")
    await other.put(1, {"kept": True})
    written = 0
    try:
        while True:
            await table.append({"text": "x" * 200})
            written += 1
    except Fault as fault:
        assert fault.status == 507 and "full" in fault.message, fault
    assert written > 300, written
    await refused(507, table.append({"text": "x" * 2000}))
    assert await table.count() == written
    again = Store("a", DATA)
    assert await again.table("t").count() == written
    assert await again.table("other").get(1) == {"kept": True}
    await table.prune(written // 2)
    for i in range(100):
        await table.append({"text": "y" * 200})
    again = Store("a", DATA)
    keys = [key for key, _ in await rows(again.table("t"))]
    assert keys == list(range(written // 2, written + 101)), (keys[0], keys[-1], written)
    assert await again.table("other").get(1) == {"kept": True}
    """,
        blocks=40,
    )


def test_damage_is_skipped_and_counted(run: Run) -> None:
    run("""
    table = Store("a", DATA).table("t")
    for i in range(700):
        await table.append({"i": i})
    leaf = table.leaves.path(table.leaves.bounds[0])
    with open(leaf, "r+b") as file:
        file.seek(5000)
        file.write(b"\\x1e garbage \\x1e\\x00\\x02")
    store = Store("a", DATA)
    table = store.table("t")
    found = await rows(table)
    assert 600 < len(found) < 700 and all(row["i"] == key - 1 for key, row in found)
    assert table.leaves.lost >= 1
    with open(DATA + "/a/log/journal", "ab") as file:
        file.write(b"\\x1e\\x10\\x00half of a rec")
    store = Store("a", DATA)
    table = store.table("t")
    assert store.lost == 1
    assert await table.append({"i": 700}) == 701
    store = Store("a", DATA)
    assert store.lost == 1
    assert (await store.table("t").get(701)) == {"i": 700}
    assert await rows(store.table("t")) == found + [(701, {"i": 700})]
    """)


def test_the_window_remembers_the_newest_results(run: Run) -> None:
    run("""
    from torpor.store.transaction import Window
    window = Window(Store("mailbox", DATA), keep=32)
    for i in range(300):
        assert window.get("id-%d" % i) is None
        await window.add("id-%d" % i, {"n": i})
        if i % 50 == 0:
            window = Window(Store("mailbox", DATA), keep=32)
        for n in range(max(0, i - 31), i + 1):
            assert window.get("id-%d" % n) == {"n": n}, (i, n)
        assert i < 32 or window.get("id-%d" % (i - 32)) is None
    """)


def test_keys_grow_with_time_and_never_collide(run: Run) -> None:
    run("""
    from torpor import clock
    now = 1_790_000_000_000
    clock.wall_ms = lambda: now

    def opened():
        store = Store("a", DATA)
        return store, store.table("t")

    store, table = opened()
    written = []

    async def add(*at):
        written.append((await table.add({"n": len(written)}, *at), {"n": len(written)}))
        return written[-1][0]

    assert await add() == now
    assert await add() == now + 1  # in the same millisecond
    now += 5000
    assert await add() == now
    last = now
    now -= 3_600_000  # set back by an hour
    for n in range(3):
        assert await add() == last + n + 1
    store, table = opened()
    assert await add() == last + 4
    now = 1_609_459_200_000  # a chip that has not set its clock since it started
    store, table = opened()
    assert await add() == last + 5
    now = last + 60_000
    assert await add() == now
    assert await rows(table) == written

    async def several(number):
        for _ in range(20):
            await add()
            await asyncio.sleep_ms(0)

    await asyncio.gather(*[several(n) for n in range(4)])
    async with store.batch():
        for _ in range(20):
            await add()
    keys = [key for key, _ in await rows(table)]
    assert keys == sorted([key for key, _ in written]), (len(keys), len(written))
    assert len(keys) == 109, len(keys)

    # By keys of one's own: seconds, minutes, or a number of a device.
    table = store.table("u")
    written.clear()
    for at, key in ((100, 100), (160, 160), (40, 161), (100, 162), (161, 163), (220, 220)):
        assert await add(at) == key
    assert await rows(table) == written
    await refused(409, table.append({}, 220))
    """)


def test_bounds_by_age_accept_keys_in_ms(run: Run) -> None:
    run("""
    from torpor import clock
    now = clock.now()
    table = Store("a", DATA).table("ms", max_age=3600)
    for i in range(3000):
        await table.add({"i": i}, 1000 * (now - 4 * (3000 - i)))
    keys = [key for key, _ in await rows(table)]
    assert now - 7200 < keys[0] / 1000 <= now - 3600 and keys[-1] == 1000 * (now - 4)
    table = Store("a", DATA).table("both", max_age=3600)
    for i in range(3000):  # first in s, after an update in ms
        await table.add({"i": i}, (now - 4 * (3000 - i)) * (1000 if i > 1000 else 1))
    keys = [key for key, _ in await rows(table)]
    assert now - 7200 < keys[0] / 1000 <= now - 3600 and keys[-1] == 1000 * (now - 4)
    """)
