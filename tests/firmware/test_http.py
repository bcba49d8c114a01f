"""The listener as a client sees it, over real sockets, on real MicroPython."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest

from tests.helpers.running import Running, read_all

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "answer"),
    [
        ("GET", "/items/x", None, 200, {"name": "x", "limit": 10}),
        ("GET", "/items/x?limit=3", None, 200, {"name": "x", "limit": 3}),
        ("GET", "/items/a%2Fb%20%C3%A9", None, 200, {"name": "a/b é", "limit": 10}),
        ("GET", "/items/x?other=1&limit=7&limit2=8", None, 200, {"name": "x", "limit": 7}),
        ("GET", "/items/special/21/twice", None, 200, {"twice": 42}),
        ("GET", "/list", None, 200, [1, 2, 3]),
        ("PUT", "/items/x", {"value": 1, "on": True}, 201, {"name": "x", "value": 1.0, "on": True}),
        ("PUT", "/items/x?value=2.5", None, 201, {"name": "x", "value": 2.5, "on": False}),
        ("POST", "/tags", {"tags": ["a"]}, 200, {"tags": ["a"], "more": None, "note": None}),
        (
            "POST",
            "/tags",
            {"tags": [], "more": {"k": 1}, "note": None},
            200,
            {"tags": [], "more": {"k": 1}, "note": None},
        ),
        (
            "POST",
            "/nested",
            {"rows": [{"a": 1, "b": None, "c": 0.5}, {}], "more": {"x": [1], "y": []}},
            200,
            {"rows": 2, "more": 2},
        ),
        ("GET", "/fault", None, 409, {"error": "it is taken"}),
        ("GET", "/bug", None, 500, {"error": "internal error"}),
    ],
)
def test_answers(
    board: Running, verb: str, path: str, body: object, status: int, answer: object
) -> None:
    with board.client("items") as client:
        r = (
            client.request(verb, path, json=body)
            if body is not None
            else client.request(verb, path)
        )
        assert (r.status_code, r.json()) == (status, answer)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"a\uD83D\uDE00b\ud83c\udf21\\ud83d", "a\U0001f600b\U0001f321\\ud83d"),
        (r"\ud7ff\"\ue000", '\ud7ff"\ue000'),
        (r"\ud83d", None),
        (r"\ude00\ud83d", None),
        (r"\ud83dx\ude00", None),
    ],
)
def test_escaped_characters_beyond_the_first_plane(
    board: Running, text: str, note: str | None
) -> None:
    with board.client("items") as client:
        r = client.post("/tags", content=f'{{"tags": [], "note": "{text}"}}', headers=JSON)
        if note is None:
            assert (r.status_code, r.json()["error"]) == (
                400,
                "unpaired surrogate in a string",
            )
        else:
            assert r.json()["note"] == note


@pytest.mark.parametrize(
    ("verb", "path", "body", "words"),
    [
        ("GET", "/items/x?limit=abc", None, ["limit", "whole number", "abc"]),
        ("GET", "/items/special/abc/twice", None, ["n", "whole number", "abc"]),
        ("PUT", "/items/x", {}, ["value", "missing"]),
        ("PUT", "/items/x", {"value": "1"}, ["value", "a number"]),
        ("PUT", "/items/x?value=nan", None, ["value", "a number"]),
        ("PUT", "/items/x", {"value": 1, "on": 1}, ["on", "true or false"]),
        ("POST", "/tags", {"tags": "a"}, ["tags", "a list"]),
        ("POST", "/tags", {"tags": [], "more": 3}, ["more", "an object"]),
        ("POST", "/tags", {"tags": ["a", 1]}, ["tags", "list[str]", "1"]),
        ("POST", "/tags?tags=[null]", {}, ["tags", "list[str]", "None"]),
        ("POST", "/nested", {"rows": [{"a": 1.5}, {"a": "b"}]}, ["rows", "list[dict[str, "]),
        ("POST", "/nested", {"rows": [[]]}, ["rows", "float | None]]"]),
        ("POST", "/nested", {"rows": [], "more": {"x": [True]}}, ["more", "dict[str, list[int]]"]),
        ("POST", "/tags", [1], ["not a JSON object"]),
        ("GET", "/items/%zz", None, ["percent-encoding"]),
        ("GET", "/lines.csv?count=-1", None, ["count"]),
    ],
)
def test_a_bad_argument_is_named(
    board: Running, verb: str, path: str, body: object, words: list[str]
) -> None:
    with board.client("items") as client:
        r = (
            client.request(verb, path, json=body)
            if body is not None
            else client.request(verb, path)
        )
        assert r.status_code == 400
        assert all(word in r.json()["error"] for word in words), r.text


def test_plain_bodies(board: Running) -> None:
    with board.client("items") as client:
        r = client.get("/text")
        assert (r.text, r.headers["content-type"]) == ("hé", "text/plain; charset=utf-8")
        r = client.get("/bytes")
        assert (r.content, r.headers["content-type"]) == (b"\0\1\2", "application/octet-stream")
        r = client.get("/headers")
        assert (r.status_code, r.headers["x-custom"]) == (202, "yes")
        r = client.delete("/items/x")
        assert (r.status_code, r.content) == (204, b"")
        assert client.get("/items/special").text == "a literal beats a parameter"


def test_streams_in_chunks(board: Running) -> None:
    with board.client("items") as client:
        r = client.get("/lines.csv", params={"count": 50})
        assert r.headers["transfer-encoding"] == "chunked"
        assert r.headers["content-type"] == "text/csv"
        assert r.text == "".join(f"line {i}\n" for i in range(50))
        assert client.get("/list").json() == [1, 2, 3], "the connection stays open"


def test_a_client_sees_that_a_stream_has_broken_off(board: Running) -> None:
    with board.client("items") as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/breaks")


def test_http_1_0_gets_a_stream_without_chunks(board: Running) -> None:
    data = board.exchange("items", b"GET /lines.csv HTTP/1.0\r\n\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"line 0\nline 1\nline 2\n"


def test_head_options_and_405(board: Running) -> None:
    with board.client("items") as client:
        r = client.head("/items/x")
        assert (r.status_code, r.content, r.headers["content-length"]) == (200, b"", "23")
        r = client.options("/items/x")
        assert r.status_code == 204
        assert r.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
        r = client.post("/items/x")
        assert r.status_code == 405
        assert r.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
        assert client.get("/nowhere").status_code == 404
        assert client.get("/items/").status_code == 404


def test_415_names_the_type_to_send(board: Running) -> None:
    with board.client("items") as client:
        r = client.put("/items/x", data={"value": "1"})
        assert r.status_code == 415
        assert "application/json" in r.json()["error"]


def _request(line: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    return b"\r\n".join([line, b"Host: x", *headers, b"", body])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (_request(b"GET /list HTTP/2.0"), 505),
        (_request(b"GET  /list HTTP/1.1"), 400),
        (_request(b"GET /list"), 400),
        (_request(b"GET list HTTP/1.1"), 400),
        (b"GET /list HTTP/1.1\n\n", 400),
        (b"GET /list HTTP/1.1\r\n\r\n", 400),
        (_request(b"GET /list HTTP/1.1", b"", b"Host: y"), 400),
        (_request(b"GET /list HTTP/1.1", b"", b" folded: 1"), 400),
        (_request(b"GET /list HTTP/1.1", b"", b"No-Colon"), 400),
        (_request(b"GET /list HTTP/1.1", b"", b"A b: 1"), 400),
        (_request(b"GET /list HTTP/1.1", b"", b"A: 1\n2"), 400),
        (_request(b"PUT /items/x HTTP/1.1", b"", b"Content-Length: -1"), 400),
        (_request(b"PUT /items/x HTTP/1.1", b"", b"Content-Length: 1", b"Content-Length: 2"), 400),
        (
            _request(
                b"PUT /items/x HTTP/1.1", b"", b"Content-Length: 1", b"Transfer-Encoding: chunked"
            ),
            400,
        ),
        (_request(b"PUT /items/x HTTP/1.1", b"", b"Transfer-Encoding: gzip"), 400),
        (_request(b"PUT /items/x HTTP/1.1", b"zz\r\n", b"Transfer-Encoding: chunked"), 400),
        (_request(b"PUT /items/x HTTP/1.1", b"1\r\nab\r\n", b"Transfer-Encoding: chunked"), 400),
        (_request(b"PUT /items/x HTTP/1.1", b"fffff\r\n", b"Transfer-Encoding: chunked"), 413),
        (_request(b"PUT /items/x HTTP/1.1", b"", b"Content-Length: 99999"), 413),
        (_request(b"GET /list HTTP/1.1", b"", b"A: " + b"x" * 5000), 431),
        (_request(b"GET /" + b"x" * 5000 + b" HTTP/1.1"), 431),
        (_request(b"GET /list HTTP/1.1", b"", *[b"A: 1"] * 70), 431),
    ],
)
def test_an_unreadable_request_is_refused_and_closed(
    board: Running, data: bytes, status: int
) -> None:
    answer = board.exchange("items", data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"Connection: close" in answer


def test_a_request_in_pieces(board: Running) -> None:
    body = b'{"value":1.5}'
    data = _request(
        b"PUT /items/x HTTP/1.1",
        body,
        b"Content-Type: application/json",
        b"Connection: close",
        b"Content-Length: %d" % len(body),
    )
    with board.connect("items") as sock:
        sock.setsockopt(6, 1, 1)  # TCP_NODELAY
        for i in range(len(data)):
            sock.sendall(data[i : i + 1])
        answer = read_all(sock)
    assert answer.endswith(b'{"name":"x","value":1.5,"on":false}'), answer


def test_a_chunked_request_in_pieces(board: Running) -> None:
    data = _request(
        b"PUT /items/x HTTP/1.1",
        b'5;ext=1\r\n{"val\r\n8\r\nue":1.5}\r\n0\r\nTrailer: 1\r\n\r\n',
        b"Content-Type: application/json",
        b"Connection: close",
        b"Transfer-Encoding: chunked",
    )
    assert b'"value":1.5' in board.exchange("items", data)
    with board.connect("items") as sock:
        for i in range(len(data)):
            sock.sendall(data[i : i + 1])
        assert b'"value":1.5' in read_all(sock)


def test_several_requests_at_once(board: Running) -> None:
    one = _request(b"GET /items/%d HTTP/1.1")
    data = b"".join(one.replace(b"%d", b"%d" % i) for i in range(20))
    data += _request(b"GET /list HTTP/1.1", b"", b"Connection: close")
    answer = board.exchange("items", data)
    names = [
        json.loads(part.split(b"\r\n\r\n")[1])["name"]
        for part in answer.split(b"HTTP/1.1 200 OK")[1:21]
    ]
    assert names == [str(i) for i in range(20)]


def test_empty_lines_before_a_request_are_skipped(board: Running) -> None:
    data = b"\r\n\r\n" + _request(b"GET /list HTTP/1.1", b"", b"Connection: close")
    assert board.exchange("items", data).endswith(b"[1,2,3]")


def test_100_continue(board: Running) -> None:
    body = b'{"value":2}'
    head = _request(
        b"PUT /items/x HTTP/1.1",
        b"",
        b"Content-Type: application/json",
        b"Connection: close",
        b"Expect: 100-continue",
        b"Content-Length: %d" % len(body),
    )
    with board.connect("items") as sock:
        sock.sendall(head)
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b"201 Created" in read_all(sock)


def test_408_for_an_incomplete_request(board: Running) -> None:
    with board.connect("items") as sock:
        sock.sendall(b"GET /list HT")
        assert read_all(sock).startswith(b"HTTP/1.1 408 ")


def test_internal_errors_are_not_shown_to_clients(board: Running) -> None:
    with board.client("items") as client:
        r = client.get("/bug")
    assert "secret" not in r.text
    deadline = time.monotonic() + 10
    while "the secret of the inside" not in board.log_text("box"):
        assert time.monotonic() < deadline, "the traceback is not in the log"
        time.sleep(0.02)


def test_a_service_that_failed_answers_503_and_the_others_answer(board: Running) -> None:
    with board.client("broken") as client:
        r = client.get("/state")
        assert r.status_code == 503
        assert "the probe is missing" in r.json()["error"]
        assert client.get("/").status_code == 503
    with board.client("caller") as client:
        r = client.get("/broken")
        assert r.status_code == 503
        assert "the probe is missing" in r.json()["error"]
        assert client.get("/through/x").json() == {"name": "x", "limit": 3}
        assert client.get("/fault").status_code == 409, "a Fault crosses an in-memory call"


def test_a_client_that_leaves_does_not_disturb_others(board: Running) -> None:
    for _ in range(10):
        with board.connect("items") as sock:
            sock.sendall(_request(b"GET /large?size=60000 HTTP/1.1"))
        with board.connect("items") as sock:
            sock.sendall(_request(b"GET /lines.csv?count=1000 HTTP/1.1"))
            sock.recv(10)
    with board.client("items") as client:
        assert client.get("/list").json() == [1, 2, 3]
        assert len(client.get("/large", params={"size": 60000}).text) == 60000


def test_more_clients_than_connections(board: Running) -> None:
    """Idle connections are evicted; with all slots busy, a new client is asked to retry."""
    idle = [board.connect("items") for _ in range(20)]
    results: list[int] = []
    waiting = [threading.Thread(target=_wait, args=(board, results)) for _ in range(4)]
    with board.client("items") as client:
        assert client.get("/list").json() == [1, 2, 3]
    before = board.log_text("box").count("a request waits")
    for thread in waiting:
        thread.start()
    deadline = time.monotonic() + 30
    while board.log_text("box").count("a request waits") < before + len(waiting):
        assert time.monotonic() < deadline, "the four requests have not all arrived"
        time.sleep(0.01)
    answers = []
    while any(thread.is_alive() for thread in waiting):
        with board.client("items") as client:
            answers.append(client.get("/list"))
    refused = [r for r in answers if r.status_code == 503]
    assert refused, "four requests that wait leave one slot"
    assert all(r.headers["retry-after"] == "1" for r in refused)
    assert {r.status_code for r in answers} <= {200, 503}
    assert results == [200] * 4, "the clients being served were not disturbed"
    for sock in idle:
        sock.close()


def _wait(board: Running, results: list[int]) -> None:
    with board.client("items") as client:
        results.append(client.get("/wait").status_code)


def test_sixteen_clients_at_once(board: Running) -> None:
    # Each sends at once: a client that connects and sends late may be evicted for a newcomer.
    sockets = []
    for _ in range(16):
        sockets.append(board.connect("items"))
        sockets[-1].sendall(_request(b"GET /list HTTP/1.1"))
    statuses = []
    for sock in sockets:
        with sock, sock.makefile("rb") as reader:
            status_line = reader.readline()
            assert status_line, "cut without an answer"
            statuses.append(int(status_line.split()[1]))
    assert set(statuses) <= {200, 503}, "none hangs and none is cut"


@pytest.mark.parametrize("what", ["nan", "inf", "-inf"])
def test_values_that_json_cannot_hold_are_logged_as_a_bug(board: Running, what: str) -> None:
    with board.client("items") as client:
        assert client.get("/infinite?what=info").json()["rows"] == [{"celsius": 1.5}]
        assert client.get(f"/infinite?what={what}").status_code == 500
    board.wait_log("box", f"ERROR items: GET /infinite?what={what}")
    board.wait_log("box", f"celsius: JSON has no {what}")


def test_a_body_larger_than_the_free_heap_is_refused(board: Running) -> None:
    headers = {"Content-Type": "application/json"}
    with board.client("items") as client:
        answer = client.post("/tags", content="[" * 5000, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (
            413,
            "the body takes more memory than is free",
        )
        deep = "[" * 3000 + "]" * 3000
        answer = client.put("/items/x", content=f'{{"value": {deep}}}', headers=headers)
        assert answer.status_code in (400, 413)
        assert client.get("/list").json() == [1, 2, 3]
