"""Answers in pieces also reach clients of a sleeping board, completely or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.helpers.brokers import Broker
from tests.helpers.mail import Mail, mail

PIECES = """
from collections.abc import AsyncIterator

from microdot import Microdot, send_file
from torpor import Service, get, post

app = Microdot()


class Items(Service):
    app = app

    async def start(self) -> None:
        self._items = self.store.table("items")

    @get("/table", content_type="text/csv")
    async def table(self) -> AsyncIterator[str]:
        for n in range(3):
            yield "%d,%d\\n" % (n, n * n)

    @get("/empty")
    async def empty(self) -> AsyncIterator[str]:
        for _ in range(0):
            yield ""

    @get("/half")
    async def half(self) -> AsyncIterator[str]:
        yield "the first half"
        raise ValueError("no second half")

    @get("/none")
    async def none(self) -> AsyncIterator[str]:
        yield str(1 // 0)

    @get("/large")
    async def large(self) -> AsyncIterator[str]:
        for _ in range(50):
            yield "x" * 1000

    @post("/items")
    async def add(self, n: int) -> int:
        return await self._items.append({"n": n})


@app.get("/page")
async def page(request):
    return send_file("static/page.html")


@app.get("/picture")
async def picture(request):
    return send_file("static/picture.bin")


@app.get("/generator")
async def generator(request):
    def pieces():
        yield "one,"
        yield "two"

    return pieces()


@app.get("/broken")
async def broken(request):
    def pieces():
        yield "one,"
        raise ValueError("no two")

    return pieces()


@app.get("/raises")
async def raises(request):
    raise ValueError("on purpose")
"""
AWAKE = 'policy = "deep"\nlinger_ms = 60000\nwake_every = "1h"'
PAGE = "<p>a page that is worth compressing</p>\n" * 50


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mail]:
    root = tmp_path_factory.mktemp("cluster")
    static = {"page.html": PAGE, "picture.bin": "p" * 3000}
    broker = Broker("nats", root / "broker")
    async with mail(
        root, broker, source=PIECES, board="RPI_PICO_W", power=AWAKE, static=static
    ) as running:
        yield running


def has_logged(box: Mail, text: str) -> bool:
    return any(text in str(line) for line in box.board.log)


async def parked(box: Mail, path: str, **headers: str) -> httpx.Response:
    """Return the answer to a request through the mailbox, even if the board is awake."""
    headers["Idempotency-Key"] = f"{path} {headers}"
    return await box.http.get(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/table", "text/csv", "0,0\n1,1\n2,4\n"),
        ("/empty", "text/plain", ""),
        ("/generator", "text/plain", "one,two"),
        ("/page", "text/html", PAGE),
        ("/picture", "application/octet-stream", "p" * 3000),
    ],
)
async def test_an_answer_in_pieces_is_complete(
    box: Mail, path: str, content_type: str, text: str
) -> None:
    answer = await parked(box, path)
    assert (answer.status_code, answer.text) == (200, text)
    assert answer.headers["content-type"].startswith(content_type)


async def test_a_file_stays_compressed_for_clients_that_accept_it(box: Mail) -> None:
    plain = await parked(box, "/page", **{"Accept-Encoding": "identity"})
    packed = await parked(box, "/page", **{"Accept-Encoding": "gzip"})
    assert plain.text == packed.text == PAGE
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/half", "/none", "/broken"])
async def test_an_answer_that_breaks_off_is_500(box: Mail, path: str) -> None:
    answer = await parked(box, path)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
    assert has_logged(box, f"items: GET {path}")


async def test_an_answer_that_is_too_large_names_the_limit(box: Mail) -> None:
    answer = await parked(box, "/large")
    assert answer.status_code == 500
    assert answer.json()["error"] == "an answer through the mailbox has at most 24576 bytes"


async def test_the_log_names_service_and_request_of_an_application_error(box: Mail) -> None:
    answer = await parked(box, "/raises")
    assert answer.status_code == 500
    assert has_logged(box, "items: GET /raises")
    assert not has_logged(box, "an application failed")
