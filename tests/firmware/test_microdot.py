"""An ordinary Microdot application inside a service, its code unchanged."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running, write_cluster

# Written as Microdot's documentation teaches: nothing in it knows of torpor.
APPLICATION = """
from microdot import Microdot, Request, Response, abort, redirect, send_file
from microdot.sse import with_sse
from microdot.websocket import with_websocket

Request.max_content_length = 200 * 1024
Request.max_body_length = 20 * 1024
app = Microdot()


@app.route("/")
async def index(request):
    return "hello"


@app.get("/users/<int:id>")
async def user(request, id):
    return {"id": id, "q": request.args.get("q")}


@app.post("/echo")
async def echo(request):
    return request.json, 201, {"X-Echo": "yes"}


@app.post("/form")
async def form(request):
    return {"name": request.form["name"]}


@app.get("/cookie")
async def cookie(request):
    response = Response("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/forbidden")
async def forbidden(request):
    abort(403, "not you")


@app.get("/old")
async def old(request):
    return redirect("/")


@app.get("/bug")
async def bug(request):
    raise KeyError("x")


@app.errorhandler(404)
async def not_found(request):
    return {"error": "nothing here"}, 404


@app.errorhandler(KeyError)
async def key_error(request, exception):
    return "a key is missing", 500


@app.before_request
async def before(request):
    request.g.seen = True


@app.get("/seen")
async def seen(request):
    return {"seen": request.g.seen}


@app.get("/events")
@with_sse
async def events(request, sse):
    for i in range(3):
        await sse.send({"n": i}, event="tick")


@app.route("/ws")
@with_websocket
async def ws(request, ws):
    while True:
        data = await ws.receive()
        await ws.send("got " + data)


@app.post("/upload")
async def upload(request):
    left = int(request.headers["Content-Length"])
    total = 0
    while left:
        chunk = await request.stream.read(min(left, 1000))
        left -= len(chunk)
        total += sum(chunk)
    return {"kept": len(request.body), "sum": total}


@app.post("/ignored")
async def ignored(request):
    return "no, thank you"


@app.get("/static/<path:path>")
async def static(request, path):
    return send_file("services/site/static/" + path)


@app.put("/contract")
async def change_contract(request):
    return {"changed": True}


@app.get("/lines")
async def lines(request):
    def generate():
        yield "one\\n"
        yield "two\\n"

    return generate()
"""

SERVICE = """
from torpor import Service, get

from .site import app


class Site(Service):
    app = app

    @get("/contract")
    async def contract(self) -> dict:
        return {"contract": True}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("site"), {"site": SERVICE})
    folder = root / "services" / "site"
    (folder / "site.py").write_text(APPLICATION)
    (folder / "static").mkdir()
    (folder / "static" / "note.txt").write_text("a note\n" * 1000)
    with running(root, types=False) as run:
        yield run


def test_routes_json_and_forms(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/").text == "hello"
        assert client.get("/users/7?q=x").json() == {"id": 7, "q": "x"}
        r = client.post("/echo", json={"a": [1, 2]})
        assert (r.status_code, r.json(), r.headers["x-echo"]) == (201, {"a": [1, 2]}, "yes")
        assert client.post("/form", data={"name": "a b"}).json() == {"name": "a b"}
        assert client.get("/cookie").headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert client.get("/seen").json() == {"seen": True}


@pytest.mark.parametrize(
    ("size", "kept"), [(10_000, 10_000), (18_000, 18_000), (50_000, 0), (200 * 1024, 0)]
)
def test_uploads_are_streamed_as_microdot_does(site: Running, size: int, kept: int) -> None:
    body = os.urandom(size)
    with site.client("site") as client:
        for expect in ({}, {"Expect": "100-continue"}):
            r = client.post("/upload", content=body, headers=expect)
            assert r.json() == {"kept": kept, "sum": sum(body)}
        assert client.get("/").text == "hello"


def test_uploads_beyond_the_limits(site: Running) -> None:
    with site.client("site") as client:
        assert client.post("/upload", content=bytes(200 * 1024 + 1)).status_code == 413
        assert client.post("/ignored", content=bytes(60_000)).text == "no, thank you"
        assert client.request("GET", "/contract", content=bytes(20_000)).status_code == 413
        assert client.get("/").text == "hello"


def test_errors_and_redirects(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/forbidden").status_code == 403
        assert client.get("/nope").json() == {"error": "nothing here"}
        assert client.get("/bug").text == "a key is missing"
        r = client.get("/old")
        assert (r.status_code, r.headers["location"]) == (302, "/")
        assert client.post("/").status_code == 405


def test_the_contract_comes_first(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/contract").json() == {"contract": True}
        assert client.put("/contract?x=1").json() == {"changed": True}
        r = client.delete("/contract")
        assert (r.status_code, r.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
        r = client.options("/contract")
        assert (r.status_code, r.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PUT")


def test_static_files_and_generators(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/static/note.txt").text == "a note\n" * 1000
        assert client.get("/static/none.txt").status_code in (404, 500)
        assert client.get("/lines").text == "one\ntwo\n"


def test_server_sent_events(site: Running) -> None:
    with site.client("site") as client, client.stream("GET", "/events") as r:
        assert r.headers["content-type"].startswith("text/event-stream")
        text = "".join(r.iter_text())
    assert text == "".join(f'event: tick\ndata: {{"n": {i}}}\n\n' for i in range(3))


async def _talk(address: tuple[str, int]) -> list[bytes]:
    reader, writer = await asyncio.open_connection(*address)
    key = base64.b64encode(os.urandom(16))
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    answers = []
    for text in (b"one", b"x" * 300):
        mask = os.urandom(4)
        size = (
            struct.pack("!B", 0x80 | len(text))
            if len(text) < 126
            else struct.pack("!BH", 0xFE, len(text))
        )
        writer.write(b"\x81" + size + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text)))
        length = (await reader.readexactly(2))[1]
        if length == 126:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
        answers.append(await reader.readexactly(length))
    writer.close()
    return answers


def test_websocket(site: Running) -> None:
    answers = asyncio.run(asyncio.wait_for(_talk(site.address("site")), 20))
    assert answers == [b"got one", b"got " + b"x" * 300]


FAULTS = """
from microdot import Microdot
from torpor import Fault, Service


class Page(Service):
    app = Microdot()


@Page.app.get("/taken")
async def taken(request):
    raise Fault(409, "it is taken", {"Retry-After": "3"})


@Page.app.get("/bug")
async def bug(request):
    raise ValueError("the secret of the inside")
"""


def test_a_fault_is_answered_and_a_bug_is_logged_as_in_routes(tmp_path: Path) -> None:
    with (
        running(write_cluster(tmp_path, {"page": FAULTS}), types=False) as run,
        run.client("page") as client,
    ):
        answer = client.get("/taken")
        assert (answer.status_code, answer.json()) == (409, {"error": "it is taken"})
        assert answer.headers["Retry-After"] == "3"
        answer = client.get("/bug")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        run.wait_log("box", "the secret of the inside")
        log = run.log_text("box")
    assert "it is taken" not in log
    assert "ERROR http: an application failed" in log
