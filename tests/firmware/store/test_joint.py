"""A task's writes and its result become durable together."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., str]

HEAD = """
    from torpor.store.transaction import BEGUN, Joint, Windows

    def opened():
        own, a, b = (Store(name, DATA) for name in ("own", "a", "b"))
        return Windows([own, a, b]), own, a, b, a.table("t"), b.table("t")

    windows, own, a, b, ta, tb = opened()
"""


def test_a_task_sees_its_writes_before_others_do(run: Run) -> None:
    run(
        HEAD
        + """
    await ta.append({"n": 1})
    await ta.append({"n": 2})
    joint = Joint(windows, "x")
    joint.begin()
    assert await ta.append({"n": 3}) == 3
    await ta.put(1, {"n": 10})
    await ta.delete(2)
    async with a.batch():
        await ta.append({"n": 4})
        await ta.append({"n": 5})
    mine = [(1, {"n": 10}), (3, {"n": 3}), (4, {"n": 4}), (5, {"n": 5})]
    assert await rows(ta) == mine
    assert await rows(ta, newest=True) == list(reversed(mine))
    assert await rows(ta, 2, 5) == mine[1:3]
    assert (await ta.get(1), await ta.get(2), await ta.count()) == ({"n": 10}, None, 4)

    async def other():
        assert await rows(ta) == [(1, {"n": 1}), (2, {"n": 2})]
        assert await ta.count() == 2
        await tb.append({"n": 7})
        assert await rows(tb) == [(1, {"n": 7})]

    await asyncio.create_task(other())
    assert a.commits == 2
    await joint.finish(own, "done")
    joint.end()
    assert a.commits == 3
    assert await rows(ta) == mine
    windows, own, a, b, ta, tb = opened()
    assert await rows(ta) == mine
    assert windows.get("x") == "done"
    assert windows.get("y") is None
    """
    )


def test_unfinished_writes_are_dropped(run: Run) -> None:
    run(
        HEAD
        + """
    joint = Joint(windows, "x")
    joint.begin()
    await ta.append({"n": 1})
    joint.end()
    assert await rows(ta) == []
    assert await ta.append({"n": 2}) == 1
    windows, own, a, b, ta, tb = opened()
    assert await rows(ta) == [(1, {"n": 2})]
    assert windows.get("x") is None
    """
    )


def test_a_write_to_a_second_store_marks_the_first(run: Run) -> None:
    run(
        HEAD
        + """
    joint = Joint(windows, "x")
    joint.begin()
    await ta.append({"n": 1})
    await tb.append({"n": 2})
    windows, own, a, b, ta, tb = opened()  # the power is cut here
    assert windows.get("x") == BEGUN
    assert windows.get("x") is not None
    assert await rows(ta) == [(1, {"n": 1})]
    assert await rows(tb) == []

    joint = Joint(windows, "y")
    joint.begin()
    await ta.append({"n": 3})
    await tb.append({"n": 4})
    await joint.finish(own, "done")
    joint.end()
    await windows.of(own).add("y", [1])
    windows, own, a, b, ta, tb = opened()
    assert windows.get("y") == "done"
    assert await rows(tb) == [(1, {"n": 4})]
    """
    )


def test_writes_larger_than_one_commit(run: Run) -> None:
    run(
        HEAD
        + """
    joint = Joint(windows, "x")
    joint.begin()
    for n in range(20):
        await ta.append({"n": n, "text": "x" * 1500})
    assert len(await rows(ta)) == 20
    await joint.finish(own, "done")
    joint.end()
    windows, own, a, b, ta, tb = opened()
    assert [row["n"] for _, row in await rows(ta)] == list(range(20))
    assert windows.get("x") == "done"
    """
    )


def test_a_full_filesystem(run: Run) -> None:
    run(
        HEAD
        + """
    filler = open("/f/filler", "wb")
    try:
        while True:  # to the last block
            filler.write(bytes(4096))
            filler.flush()
    except OSError:
        pass
    joint = Joint(windows, "x")
    joint.begin()
    await ta.append({"n": 1, "text": "x" * 1900})
    await ta.append({"n": 2, "text": "x" * 1900})
    message = await refused(507, joint.finish(own, "done"))
    joint.end()
    assert "full" in message
    assert await rows(ta) == []
    assert windows.get("x") is None
    windows, own, a, b, ta, tb = opened()
    assert await rows(ta) == []
    assert windows.get("x") is None
    """,
        blocks=32,
    )
