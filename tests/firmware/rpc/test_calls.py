"""Calls between boards: their results, how long they may take, and what is sent again."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.running import Running, running
from tests.helpers.several import KEY, write_boards, write_keys

KEEPER = """
import asyncio
import gc

from services.asker import Asker
from torpor import Fault, Service, deadline, get, post, safe


class Keeper(Service):
    asker: Asker

    async def start(self) -> None:
        self.added = 0
        self.running = self.most = 0

    @post("/add")
    async def add(self, a: int, b: int = 2) -> int:
        self.added += 1
        return a + b

    @get("/added")
    async def count(self) -> dict:
        return {"added": self.added, "most": self.most}

    @post("/once", idempotent=True)
    async def once(self, ms: int = 0) -> int:
        self.added += 1
        await asyncio.sleep_ms(ms)
        return self.added

    @get("/slow")
    async def slow(self, ms: int) -> dict:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep_ms(ms)
        self.running -= 1
        return {"ms": ms}

    async def echo(self, value: dict | None) -> dict | None:
        return value

    async def odd(self) -> dict:
        return {"rows": [1, {1}]}

    async def fault(self) -> None:
        raise Fault(418, "no tea", {"X-Kind": "pot"})

    async def bug(self) -> None:
        raise ValueError("the inside")

    async def raw(self) -> bytes:
        return b"\\0\\1\\xff"

    @get("/pair")
    async def pair(self) -> tuple[dict, int]:
        return {"made": True}, 201

    async def large(self, size: int) -> str:
        return "x" * size

    async def ring(self, depth: int) -> int:
        return depth if depth == 0 else 1 + await self.asker.ring(depth - 1)

    async def left(self, ms: int) -> dict:
        with deadline(ms):
            return await self.asker.wait()

    async def held(self, text: str) -> int:
        text = ""
        await asyncio.sleep_ms(20)
        gc.collect()
        return gc.mem_alloc()
"""
ASKER = """
import asyncio

from services.keeper import Keeper
from torpor import Service, deadline, get, post


class Asker(Service):
    keeper: Keeper

    @post("/add")
    async def add(self, a: int, b: int = 2) -> dict:
        return {"sum": await self.keeper.add(a, b)}

    @get("/held")
    async def held(self, size: int) -> int:
        return await self.keeper.held("x" * size)

    @get("/default")
    async def default(self) -> dict:
        return {"sum": await self.keeper.add(1)}

    @post("/once")
    async def once(self, ms: int = 0) -> dict:
        return {"count": await self.keeper.once(ms)}

    @get("/slow")
    async def slow(self, ms: int, within: int = 0) -> dict:
        if not within:
            return await self.keeper.slow(ms)
        with deadline(within):
            return await self.keeper.slow(ms)

    @get("/many")
    async def many(self, count: int, ms: int) -> dict:
        found = await asyncio.gather(*[self.keeper.slow(ms) for _ in range(count)])
        return {"answered": len(found)}

    @post("/echo")
    async def echo(self, value: dict | None) -> dict:
        return {"value": await self.keeper.echo(value)}

    @get("/odd")
    async def odd(self) -> dict:
        return await self.keeper.odd()

    @get("/infinite")
    async def infinite(self) -> dict | None:
        return await self.keeper.echo({"a": [1e999]})

    @get("/fault")
    async def fault(self) -> dict:
        await self.keeper.fault()
        return {}

    @get("/bug")
    async def bug(self) -> dict:
        await self.keeper.bug()
        return {}

    @get("/raw")
    async def raw(self) -> bytes:
        return await self.keeper.raw()

    @get("/pair")
    async def pair(self) -> tuple[dict, int]:
        return await self.keeper.pair()

    @get("/large")
    async def large(self, size: int) -> dict:
        return {"size": len(await self.keeper.large(size))}

    @get("/ring/<depth>")
    async def around(self, depth: int) -> dict:
        return {"depth": await self.keeper.ring(depth)}

    async def ring(self, depth: int) -> int:
        return depth if depth == 0 else 1 + await self.keeper.ring(depth - 1)

    @get("/left")
    async def left(self, ms: int) -> dict:
        return await self.keeper.left(ms)

    async def wait(self) -> dict:
        await asyncio.sleep_ms(5000)
        return {}
"""
SERVICES = {"keeper": KEEPER, "asker": ASKER}


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """``keeper`` on shed and ``asker`` on barn."""
    root = write_boards(
        tmp_path_factory.mktemp("two"), SERVICES, {"shed": ["keeper"], "barn": ["asker"]}
    )
    with running(root, types=False) as run:
        yield run


def do(run: Running, work: object) -> None:
    asyncio.run_coroutine_threadsafe(work, run.loop).result(60)  # type: ignore[arg-type]


def test_values_arrive_as_in_memory(boards: Running, tmp_path: Path) -> None:
    asked = [
        ("POST", "/add", {"a": 1, "b": 5}),
        ("POST", "/add", {"a": 1}),
        ("GET", "/default", None),
        ("POST", "/echo", {"value": {"a": [1, 2.5, None, "h\u00e9"], "b": {"c": True}}}),
        ("POST", "/echo", {"value": None}),
        ("GET", "/fault", None),
        ("GET", "/bug", None),
        ("GET", "/raw", None),
        ("GET", "/pair", None),
        ("GET", "/large?size=20000", None),
        ("GET", "/ring/9", None),
    ]

    def answers(run: Running) -> list[tuple[int, str | None, str | None, bytes]]:
        with run.client("asker") as http:
            got = [http.request(verb, path, json=body) for verb, path, body in asked]
        return [
            (g.status_code, g.headers.get("content-type"), g.headers.get("x-kind"), g.content)
            for g in got
        ]

    apart = answers(boards)
    together = write_boards(tmp_path, SERVICES, {"box": ["keeper", "asker"]})
    with running(together, types=False) as run:
        assert answers(run) == apart
    assert [a[0] for a in apart] == [200, 200, 200, 200, 200, 418, 500, 200, 201, 200, 200]
    assert apart[5][2:] == ("pot", b'{"error":"no tea"}')
    assert "ValueError: the inside" in boards.log_text("shed")
    assert "PeerError: keeper.bug on shed: ValueError" in boards.log_text("barn")


def test_a_too_large_answer_is_logged_as_a_bug(boards: Running) -> None:
    with boards.client("asker") as http:
        assert http.get("/large?size=40000").status_code == 500
        assert http.get("/large?size=10").json() == {"size": 10}
    assert "an answer of 40002 bytes to barn is too large" in boards.log_text("shed")


def test_values_that_json_cannot_hold_are_not_sent_to_another_board(boards: Running) -> None:
    with boards.client("asker") as http:
        assert http.get("/odd").status_code == 500
        assert http.get("/infinite").status_code == 500
        assert http.post("/echo", json={"value": {"a": "inf nan"}}).status_code == 200
    boards.wait_log("shed", "rows[1]: JSON has no set, return a list")
    boards.wait_log("barn", "keeper.echo[0].a[0]: JSON has no inf")


def test_calls_share_a_connection_and_do_not_wait_for_each_other(boards: Running) -> None:
    with boards.client("asker") as http, boards.client("keeper") as keeper:
        assert http.get("/many?count=8&ms=200").json() == {"answered": 8}
        assert keeper.get("/added").json()["most"] == 8, "all ran at once"
        # A Pico W has five connections: if each call needed one, some would be refused.
        refused = [e for e in boards.sim.board("barn").trace if e["event"] == "refused"]
        assert not refused


def test_calls_beyond_the_limit_of_a_board_wait(boards: Running) -> None:
    with boards.client("asker") as http:
        assert http.get("/many?count=12&ms=20").json() == {"answered": 12}


def test_a_call_has_a_deadline(boards: Running) -> None:
    with boards.client("asker") as http:
        began = time.monotonic()
        late = http.get("/slow?ms=4000&within=300")
        took = time.monotonic() - began
        assert late.status_code == 504
        # The time that was left when the call began: it can be less than the 300 ms of the block.
        error = re.fullmatch(
            r"keeper\.slow on shed: no answer within (\d+) ms", late.json()["error"]
        )
        assert error
        assert 0 < int(error[1]) <= 300
        assert took < 4
        assert http.get("/slow?ms=10&within=300").json() == {"ms": 10}


def test_a_deadline_is_passed_to_the_next_board(boards: Running) -> None:
    with boards.client("asker") as http:
        late = http.get("/left?ms=200")
    assert late.status_code == 504
    assert "asker.wait on barn: no answer within" in late.json()["error"]


def test_a_deadline_ends_a_call_in_memory_as_well(tmp_path: Path) -> None:
    root = write_boards(tmp_path, SERVICES, {"box": ["keeper", "asker"]})
    with running(root, types=False) as run, run.client("asker") as http:
        assert http.get("/slow?ms=4000&within=100").status_code == 504
        assert http.get("/slow?ms=10&within=300").json() == {"ms": 10}


def test_a_dead_board_is_reported_in_time_and_comes_back(boards: Running) -> None:
    with boards.client("asker") as http:
        assert http.get("/slow?ms=1").status_code == 200
        boards.loop.call_soon_threadsafe(boards.sim.kill, "shed")
        for _ in range(5):
            began = time.monotonic()
            dead = http.get("/slow?ms=1&within=500")
            assert dead.status_code in (503, 504)
            assert dead.json()["error"].startswith("keeper.slow on shed: ")
            assert time.monotonic() - began < 5
        do(boards, boards.sim.revive("shed"))
        wait_for(http, "/slow?ms=1")
        starts = boards.sim.board("barn").starts
    assert starts == 1


def test_a_partition_heals_without_a_restart(boards: Running) -> None:
    with boards.client("asker") as http:
        wait_for(http, "/slow?ms=1")
        boards.loop.call_soon_threadsafe(boards.sim.partition, "shed", "barn")
        assert http.get("/slow?ms=1&within=400").status_code in (503, 504)
        assert http.post("/add", json={"a": 1}).status_code in (503, 504)
        boards.loop.call_soon_threadsafe(boards.sim.heal, "shed", "barn")
        wait_for(http, "/slow?ms=1")
    assert [boards.sim.board(name).starts for name in ("shed", "barn")] == [2, 1]


def test_calls_survive_latency_and_loss(boards: Running) -> None:
    boards.loop.call_soon_threadsafe(boards.sim.delay, "shed", "barn", 30)
    boards.loop.call_soon_threadsafe(boards.sim.lose, "shed", "barn", 0.1)
    try:
        with boards.client("asker") as http:
            assert [http.get("/slow?ms=1").status_code for _ in range(10)] == [200] * 10
    finally:
        boards.loop.call_soon_threadsafe(boards.sim.heal, "shed", "barn")


def test_a_call_that_is_not_idempotent_is_not_sent_again(boards: Running) -> None:
    with boards.client("asker") as http, boards.client("keeper") as keeper:
        wait_for(http, "/slow?ms=1")
        before = keeper.get("/added").json()["added"]
        for path, times in (("/once?ms=0", 1), ("/add", 1)):
            assert http.post(path, json={"a": 1} if path == "/add" else None).status_code == 200
            before += times
            assert keeper.get("/added").json()["added"] == before


def test_a_call_with_an_idempotency_key_is_executed_once(boards: Running) -> None:
    """The answer is lost in a partition that lasts as long as a caller waits for a silent board."""
    with boards.client("asker") as http, boards.client("keeper") as keeper:
        wait_for(http, "/slow?ms=1")
        before = keeper.get("/added").json()["added"]
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(http.post, "/once?ms=1000")
            until(lambda: keeper.get("/added").json()["added"] == before + 1)
            boards.loop.call_soon_threadsafe(boards.sim.partition, "shed", "barn")
            mark = boards.sim.board("barn").log.mark()
            time.sleep(1.5)  # pinged after 0.4 s of silence, given up 0.6 s later
            boards.loop.call_soon_threadsafe(boards.sim.heal, "shed", "barn")
            answer = asked.result()
        assert answer.json() == {"count": before + 1}, boards.sim.board("barn").log.since(mark)
        assert keeper.get("/added").json()["added"] == before + 1


def wait_for(http: object, path: str) -> None:
    until(lambda: http.get(path).status_code == 200)  # type: ignore[attr-defined]


def until(holds: object) -> None:
    end = time.monotonic() + 30
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_keys_are_changed_board_by_board(tmp_path: Path) -> None:
    """Two keys are valid at the same time, and the boards are flashed in both orders."""
    import tempfile

    from torpor_sim import Simulator
    from torpor_tools.contracts import load_plan
    from torpor_tools.link import build
    from torpor_tools.model.image import Image

    new = bytes(range(100, 132))
    root = write_boards(tmp_path, SERVICES, {"shed": ["keeper"], "barn": ["asker"]})

    def images(*keys: bytes) -> dict[str, Image]:
        write_keys(root, *keys)
        plan = load_plan(root)
        out = Path(tempfile.mkdtemp(dir=tmp_path))
        return {b.name: build(plan, b.name, out, types=False) for b in plan.boards}

    old, both, fresh = images(KEY), images(new, KEY), images(new)

    async def run() -> None:
        sim = Simulator(list(old.values()), ports="os")
        async with sim:

            async def works() -> None:
                async with asyncio.timeout(30):
                    while (await sim.http("asker").get("/ring/3")).status_code != 200:
                        await asyncio.sleep(0.05)

            await works()
            # in both orders: the caller first, or the called board; /ring calls both ways
            for board, step in (("barn", both), ("shed", both), ("shed", fresh), ("barn", fresh)):
                await sim.board(board).replace(step[board])
                await works()
            await sim.board("shed").replace(old["shed"])  # it knows only the dropped key
            answer = await sim.http("asker").get("/ring/3")
            assert answer.status_code == 503
            assert "it knows no key of this board" in answer.json()["error"]

    asyncio.run(run())


def test_arguments_that_are_too_large_are_refused_and_nothing_is_lost(boards: Running) -> None:
    with boards.client("asker") as http:
        wait_for(http, "/slow?ms=1")
        much = http.post("/echo", json={"value": {"text": "x" * 16_345}})
        assert much.status_code == 413
        assert much.json() == {"error": "keeper.echo: the arguments are larger than 16 kB"}
        assert http.post("/echo", json={"value": {"a": 1}}).json() == {"value": {"a": 1}}


def test_a_call_in_progress_keeps_nothing_of_its_frame(boards: Running) -> None:
    with boards.client("asker") as http:
        small, large = (
            min(http.get("/held", params={"size": size}).json() for _ in range(4))
            for size in (10, 6000)
        )
    assert large - small < 3000
