"""An ordinary Microdot application inside a service, its code unchanged."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.running import Running, read_all, running, write_cluster

# Written as Microdot's documentation teaches: nothing in it depends on torpor.
APPLICATION = """
import asyncio

from microdot import Microdot, Request, Response, abort, redirect, send_file
from microdot.multipart import FormDataIter
from microdot.sse import with_sse
from microdot.websocket import websocket_upgrade, with_websocket

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


@app.errorhandler(400)
async def bad_request(request):
    return "the request is malformed", 400


@app.get("/other/<path:path>")
async def other(request, path):
    return path


@app.put("/named/<path:path>")
async def put_named(request, path):
    return path


@app.get("/page/<name>")
async def page(request, name):
    return send_file("static/" + name)


@app.get("/raw-page")
async def raw_page(request):
    return send_file("static/page.html", compressed=True, file_extension=".gz")


@app.get("/broken/<kind>")
async def broken(request, kind):
    return break_off(kind, int(request.args.get("after", "1")))


def break_off(kind, after):
    error = OSError(5) if kind == "oserror" else ValueError("it broke off")

    def generate():
        for i in range(after):
            yield "chunk %d\\n" % i
        raise error

    class Iterate:
        def __init__(self):
            self.parts = generate()

        def __aiter__(self):
            return self

        async def __anext__(self):
            return next(self.parts)

    return Iterate() if kind == "async" else generate()


@app.get("/nothing")
async def nothing(request):
    return (x for x in ())


@app.get("/broken-events")
@with_sse
async def broken_events(request, sse):
    await sse.send("one")
    raise ValueError("it broke off")


@app.get("/own/<how>")
async def own(request, how):
    writer = request.sock[1]
    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\n"
    if how == "one":
        await writer.awrite(head + b"body")
    elif how == "lines":
        for line in head.split(b"\\r\\n")[:2]:
            await writer.awrite(line + b"\\r\\n")
        await writer.awrite(b"\\r\\n")
        await writer.awrite(b"body")
    elif how == "bytes":
        for i in range(len(head)):
            await writer.awrite(head[i : i + 1])
        await writer.awrite(b"body")
    elif how == "interim":
        await writer.awrite(b"HTTP/1.1 103 Early Hints\\r\\nLink: </a>\\r\\n\\r\\n")
        return "body"
    elif how == "stream":
        writer.write(head)
        writer.write(b"body")
        await writer.drain()
    elif how == "part":
        await writer.awrite(head[:-2])
    elif how == "raises":
        await writer.awrite(head + b"body")
        raise ValueError("it broke off")
    elif how == "twice":
        await writer.awrite(head + b"body")
        return "a second answer"
    return Response.already_handled


@app.get("/endless")
async def endless(request):
    def generate():
        while True:
            yield "x" * 1000

    return generate()


@app.get("/endless-events")
@with_sse
async def endless_events(request, sse):
    n = 0
    while True:
        await sse.send("x" * 1000)
        await asyncio.sleep_ms(1)


ends = {"generator": 0, "file": 0, "events": 0, "contract": 0}


class Watched:
    def read(self, n):
        return b"x" * n

    def close(self):
        ends["file"] += 1


@app.get("/watched/generator")
async def watched_generator(request):
    def generate():
        try:
            while True:
                yield "x" * 1000
        finally:
            ends["generator"] += 1

    return generate()


@app.get("/watched/file")
async def watched_file(request):
    return Watched()


@app.get("/watched/events")
@with_sse
async def watched_events(request, sse):
    try:
        while True:
            await sse.send("x" * 1000)
            await asyncio.sleep_ms(1)
    finally:
        ends["events"] += 1


@app.get("/ends")
async def show_ends(request):
    return ends


@app.get("/upgrade")
async def upgrade(request):
    ws = await websocket_upgrade(request)
    while True:
        await ws.send(await ws.receive())


@app.post("/parts")
async def parts(request):
    fields = 0
    async for name, value in FormDataIter(request):
        fields += value == "y" * 80
    return {"fields": fields}


@app.post("/exact")
async def exact(request):
    sizes = []
    while part := await request.stream.read(3000):
        sizes.append(len(part))
    try:
        for _ in range(2000):
            await request.stream.read(1)
        return {"sizes": sizes, "raises": False}
    except Exception:
        return {"sizes": sizes, "raises": True}


@app.post("/reads")
async def reads(request):
    parts = []
    while part := await request.stream.read(5):
        parts.append(len(part))
    return {"ends": await request.stream.read(5) == b"", "total": sum(parts)}


@app.get("/reason")
async def reason(request):
    return Response("teapot", 418, reason="I am a teapot")
"""

SERVICE = """
from collections.abc import AsyncIterator

from torpor import Service, get

from .site import app, ends


class Site(Service):
    app = app

    @get("/named/<name>")
    async def named(self, name: str) -> int:
        return len(name)

    @get("/watched/contract")
    async def watched(self) -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            ends["contract"] += 1

    @get("/contract")
    async def contract(self) -> dict:
        return {"contract": True}

    @get("/stream")
    async def stream(self, after: int = 0) -> AsyncIterator[str]:
        n = 0
        while not after or n < after:
            yield "x" * 1000
            n += 1
        raise OSError(5)
"""

PAGE = "".join(f"<p>{n} {n * n} {n**5}</p>\n" for n in range(900))  # beyond any small window


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("site"), {"site": SERVICE})
    folder = root / "services" / "site"
    (folder / "site.py").write_text(APPLICATION)
    (folder / "static").mkdir()
    (folder / "static" / "note.txt").write_text("a note\n" * 1000)
    for name in ("page.html", "page.css", "page.js", "page.json", "page.svg"):
        (folder / "static" / name).write_text(PAGE)
    with running(root, types=False) as run:
        yield run


def test_a_body_that_no_handler_reads_is_not_requested(site: Running) -> None:
    """The body is not sent, and this side does not close the connection."""
    head = b"%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    for line, status in ((b"POST /nope", b"404"), (b"POST /cookie", b"405")):
        answer = site.exchange("site", head % line)
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        assert answer.count(b"HTTP/1.1 ") == 1
    with site.connect("site") as sock:
        sock.sendall(head % b"POST /echo")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


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
def test_uploads_are_streamed_as_in_microdot(site: Running, size: int, kept: int) -> None:
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


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (b"\x81\x83\0\0\0\0one", b"\x81\x07got one"),
        (b"\x81\xfe\x00\x80\0\0\0\0" + b"x" * 128, b"\x81\x7e\x00\x84got " + b"x" * 128),
        # Microdot does not support continued messages: it closes the connection.
        (b"\x01\x82\0\0\0\0on\x80\x81\0\0\0\0e", b"\x88\x00"),
        (b"\x88\x80\0\0\0\0", b"\x88\x00"),
    ],
)
def test_a_websocket_frame_in_segments_of_one_byte(
    site: Running, frame: bytes, answer: bytes
) -> None:
    with site.connect("site") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
        )
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(1024)
        for byte in frame:
            with suppress(OSError):  # the rest of a frame that Microdot does not support
                sock.sendall(bytes((byte,)))
            time.sleep(0.002)  # so that the segments are not joined
        if answer[:1] == b"\x88":
            assert read_all(sock)[:2] in (answer, b"")  # empty if unread bytes have reset it
        else:
            data = b""
            while len(data) < len(answer):
                data += sock.recv(1024)
            assert data == answer


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
        answer = client.get("/bug?x=1")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        run.wait_log("box", "the secret of the inside")
        log = run.log_text("box")
    assert "it is taken" not in log
    assert "ERROR page: GET /bug?x=1" in log


def test_a_client_error_is_400_and_not_logged(site: Running) -> None:
    mark = len(site.log_text("box"))
    for target, header in (
        (b"/", b"X: \xe9"),
        (b"/", b"X: \xc3("),
        (b"/?x=%zz", b"X: y"),
        (b"/?x=%ff", b"X: y"),
        (b"/?%ff=x", b"X: y"),
        (b"/?x=\xe9", b"X: y"),
        (b"/users/1?q=%e9%zz", b"X: y"),
        (b"/none?x=%zz", b"X: y"),
    ):
        answer = site.exchange(
            "site",
            b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\nConnection: close\r\n\r\n" % (target, header),
        )
        assert answer.startswith(b"HTTP/1.1 400 "), (target, header, answer)
    assert "ERROR" not in site.log_text("box")[mark:]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (b"http://x/users/7?q=a", b'{"id": 7, "q": "a"}'),
        (b"HTTP://x:80/", b"hello"),
        (b"http://x", b"hello"),
        (b"http://x?q=/users/7", b"hello"),
        (b"http://x/nope", b'{"error": "nothing here"}'),
    ],
)
def test_targets_in_absolute_form(site: Running, target: bytes, body: bytes) -> None:
    request = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target
    assert site.exchange("site", request).endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("size", [10, 1000, 2000, 3000, 3800])
def test_a_path_too_long_for_a_pattern_is_414(site: Running, size: int) -> None:
    """MicroPython's regular expressions recurse."""
    mark = len(site.log_text("box"))
    path = "x" * size
    with site.client("site") as client:
        answer = client.get(f"/other/{path}")
        assert (answer.status_code, answer.text) == (200, path) or (
            size > 100 and answer.status_code == 414
        )
        assert client.delete(f"/named/{path}").status_code == 405
        assert client.get(f"/named/{path}").json() == size
    assert size < 3000 or answer.status_code == 414
    assert "Traceback" not in site.log_text("box")[mark:]


def test_verbs_of_targets_in_absolute_form(site: Running) -> None:
    request = b"PUT http://x/contract HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert site.exchange("site", request).endswith(b'{"changed": true}')


@pytest.mark.parametrize("kind", ["html", "css", "js", "json", "svg"])
@pytest.mark.parametrize("accept", ["gzip, deflate, br", "identity", "gzip;q=0", "*", ""])
@pytest.mark.parametrize("where", ["/page/", "/static/"])
def test_compressed_static_files_are_sent_as_the_client_accepts_them(
    site: Running, where: str, kind: str, accept: str
) -> None:
    with site.client("site") as client:
        r = client.get(f"{where}page.{kind}", headers={"Accept-Encoding": accept})
        assert r.text == PAGE
        assert r.headers.get("content-encoding") == (
            "gzip" if accept[:1] in ("g", "*") and "q=0" not in accept else None
        )
        assert r.headers["vary"] == "Accept-Encoding"
        expected = {"html": "text/html", "css": "text/css", "js": "application/javascript"}
        assert r.headers["content-type"].startswith(expected.get(kind, ""))
        assert client.head(f"{where}page.{kind}").content == b""


def test_other_static_files(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/page/note.txt").text == "a note\n" * 1000
        assert "vary" not in client.get("/page/note.txt").headers
        assert client.get("/raw-page").text == PAGE
        assert client.get("/page/none.html").status_code == 500


@pytest.mark.parametrize("kind", ["generator", "async", "oserror"])
@pytest.mark.parametrize("after", [1, 3])
def test_a_generator_that_raises_leaves_the_answer_incomplete(
    site: Running, kind: str, after: int
) -> None:
    for version, framing in ((b"1.1", True), (b"1.0", False)):
        answer = site.exchange(
            "site",
            b"GET /broken/%s?after=%d HTTP/%s\r\nHost: x\r\n\r\n" % (kind.encode(), after, version),
        )
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer
        assert answer.count(b"HTTP/1.") == 1, answer
        assert (b"Transfer-Encoding: chunked" in answer) == framing
        assert answer.count(b"chunk ") == after
        assert not answer.endswith(b"0\r\n\r\n")
    site.wait_log("box", "OSError" if kind == "oserror" else "it broke off")


def test_a_generator_that_raises_at_once_is_500(site: Running) -> None:
    with site.client("site") as client:
        assert client.get("/broken/generator?after=0").status_code == 500
        assert client.get("/").text == "hello"


def test_an_empty_generator_is_an_empty_answer(site: Running) -> None:
    with site.client("site") as client:
        for _ in range(2):
            answer = client.get("/nothing")
            assert (answer.status_code, answer.text) == (200, "")


def test_events_and_streams_that_raise(site: Running) -> None:
    for path in (b"/broken-events", b"/stream?after=2"):
        answer = site.exchange("site", b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
        assert answer.count(b"HTTP/1.1 ") == 1, answer
        assert not answer.endswith(b"0\r\n\r\n")
    site.wait_log("box", "GET /broken-events")
    site.wait_log("box", "GET /stream?after=2")


@pytest.mark.parametrize(
    "how", ["one", "lines", "bytes", "stream", "raises", "twice", "interim", "part"]
)
def test_an_application_writes_its_answer_itself(site: Running, how: str) -> None:
    request = b"GET /own/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % how.encode()
    answer = site.exchange("site", request)
    head, _, body = answer.partition(b"\r\n\r\n")
    if how == "interim":
        assert head.startswith(b"HTTP/1.1 103 ")
        head, _, body = body.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == (b"" if how == "part" else b"body")


@pytest.mark.parametrize("path", ["/endless", "/endless-events", "/stream", "/upgrade", "/ws"])
@pytest.mark.parametrize("farewell", ["close", "reset"])
def test_leaving_is_not_an_error(site: Running, path: str, farewell: str) -> None:
    before = len(site.log_text("box"))
    extra = b""
    if path in ("/upgrade", "/ws"):
        extra = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"
    for _ in range(8):
        with site.connect("site") as sock:
            sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path.encode(), extra))
            assert sock.recv(200)
            if extra:
                sock.sendall(b"\x81\x85mask")  # the beginning of a message
            if farewell == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with site.client("site") as client:
        assert client.get("/").text == "hello"
    log = site.log_text("box")[before:]
    assert "ERROR" not in log, log


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        ("GET", "generator"),
        ("GET", "file"),
        ("GET", "events"),
        ("GET", "contract"),
        ("HEAD", "file"),
        ("HEAD", "contract"),  # after HEAD the others have not begun
    ],
)
def test_the_generator_of_an_answer_is_closed(site: Running, verb: str, kind: str) -> None:
    """It is closed when its client leaves, and after HEAD."""
    with site.client("site") as client:
        before = client.get("/ends").json()[kind]
        for _ in range(3):
            with site.connect("site") as sock:
                sock.sendall(f"{verb} /watched/{kind} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert sock.recv(200)
        while client.get("/ends").json()[kind] < before + 3:
            pass


@pytest.mark.parametrize("path", ["/upload", "/ignored", "/nope"])
@pytest.mark.parametrize("farewell", ["close", "reset"])
def test_leaving_during_an_upload_is_not_an_error(site: Running, path: str, farewell: str) -> None:
    before = len(site.log_text("box"))
    for _ in range(4):
        with site.connect("site") as sock:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"
            sock.sendall(head.encode() + bytes(5000))
            if path != "/upload":  # answered before the board waits for the end of the body
                assert sock.recv(1000).startswith(b"HTTP/1.1 ")
            if farewell == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with site.client("site") as client:
        for _ in range(5):
            assert client.get("/").text == "hello"
    log = site.log_text("box")[before:]
    assert "ERROR" not in log, log


def test_an_upload_that_is_cut_gets_no_answer(site: Running) -> None:
    with site.connect("site") as sock:
        sock.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
        sock.sendall(bytes(5000))
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b""


@pytest.mark.parametrize("fields", [1, 100, 200])
def test_multipart_with_a_boundary_that_never_comes_is_400(site: Running, fields: int) -> None:
    """Microdot treats the quotes as a part of the boundary, and searches for it without end."""
    field = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"y" * 80 + b"\r\n"
    body = field * fields + b"--b--\r\n"
    with site.client("site") as client:
        headers = {"Content-Type": 'multipart/form-data; boundary="b"'}
        assert client.post("/parts", content=body, headers=headers).status_code == 400
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = client.post("/parts", content=body, headers=headers)
        assert answer.json() == {"fields": fields}
        for end in (-2, -4):  # the parser reads to the end
            cut = client.post("/parts", content=body[:end], headers=headers)
            assert cut.status_code in (200, 400)


@pytest.mark.parametrize("boundary", ["b", '"b"', '"a b"', '"', ""])
@pytest.mark.parametrize("sent", [0, 3, 60, 5000])
def test_a_truncated_multipart_upload_ends(site: Running, boundary: str, sent: int) -> None:
    """It ends in an answer or a closed connection; the board answers others in the meantime."""
    field = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"y" * 80 + b"\r\n"
    head = (
        "POST /parts HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n"
    )
    with site.connect("site") as sock:
        sock.sendall(head.encode() + (field * 60)[:sent])
        with site.client("site") as client:
            assert client.get("/").text == "hello"
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), answer
    with site.client("site") as client:
        assert client.get("/").text == "hello"


def test_a_stream_returns_what_is_requested_and_raises_after_the_end(site: Running) -> None:
    head = b"POST /exact HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n"
    with site.connect("site") as sock:
        sock.sendall(head)
        for _ in range(200):
            sock.sendall(bytes(100))
        answer = read_all(sock).partition(b"\r\n\r\n")[2]
    assert json.loads(answer) == {"sizes": [3000] * 6 + [2000], "raises": True}


@pytest.mark.parametrize("size", [0, 3, 1000, 30_000])
def test_the_stream_of_a_body_ends(site: Running, size: int) -> None:
    with site.client("site") as client:
        assert client.post("/reads", content=bytes(size)).json() == {"ends": True, "total": size}


def test_a_reason_of_the_application(site: Running) -> None:
    with site.client("site") as client:
        for _ in range(2):
            answer = client.get("/reason")
            assert (answer.status_code, answer.reason_phrase) == (418, "I am a teapot")
            assert answer.text == "teapot"


def test_answers_in_pieces_keep_the_connection(site: Running) -> None:
    with site.connect("site") as sock:
        file = sock.makefile("rb")
        for _ in range(3):
            sock.sendall(b"GET /lines HTTP/1.1\r\nHost: x\r\n\r\n")
            while file.readline() != b"\r\n":
                pass
            assert file.read(23) == b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"
