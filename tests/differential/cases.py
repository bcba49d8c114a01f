"""The requests of the comparison. Each case is one connection; its name describes it."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PAGE = "".join(f"<p>{n} {n * n}</p>\n" for n in range(700))


@dataclass(frozen=True)
class Case:
    name: str
    request: bytes
    until: bytes | None = None  # where the comparison ends, for a response without an end


def write_static(folder: Path) -> None:
    """Write the files that the application sends."""
    folder.mkdir(parents=True)
    for name in ("page.html", "style.css", "app.js", "data.json", "icon.svg"):
        (folder / name).write_text(PAGE)
    (folder / "note.txt").write_text("a note\n" * 700)
    (folder / "empty.txt").write_text("")
    (folder / "image.png").write_bytes(bytes(range(256)) * 9)
    (folder / "unknown.xyz").write_text("x" * 1024)
    (folder / "noextension").write_text("y" * 1023)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "page.html").write_text("<p>deeper</p>")
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"packed", mtime=0))


def request(
    verb: str,
    target: str | bytes,
    *headers: str | bytes,
    body: bytes = b"",
    version: str = "1.1",
    length: int | None = None,
) -> bytes:
    """Return the bytes of a request, with a Content-Length if there is a body."""
    target = target if isinstance(target, bytes) else target.encode()
    lines = [b"%s %s HTTP/%s" % (verb.encode(), target, version.encode()), b"Host: site"]
    lines += [h if isinstance(h, bytes) else h.encode() for h in headers]
    if not any(line.lower().startswith(b"connection:") for line in lines):
        lines.append(b"Connection: close")
    if body or length is not None:
        lines.append(b"Content-Length: %d" % (len(body) if length is None else length))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def cases() -> list[Case]:
    """Return all cases. A name consists of the case's group and its description."""
    return [
        Case(f"{group.__name__.strip('_')}: {name}", *rest)
        for group in (
            _routes, _verbs, _queries, _headers, _cookies, _json, _forms, _bodies, _answers,
            _errors, _hooks, _files, _pieces, _events, _websockets, _parts, _auth, _logins,
            _guarded, _mounted, _own, _malformed, _versions,
        )
        for name, *rest in group()
    ]  # fmt: skip


Group = Iterator[tuple[str, bytes] | tuple[str, bytes, bytes]]


def _get(target: str | bytes, *headers: str | bytes) -> tuple[str, bytes]:
    shown = target if isinstance(target, str) else target.decode("latin-1")
    output = [h if isinstance(h, str) else h.decode("latin-1") for h in headers]
    return " | ".join(["GET " + shown, *output]), request("GET", target, *headers)


def _routes() -> Group:
    for target in (
        "/", "//", "/echo", "/echo/", "/Echo", "/sync", "/none", "/none/at/all", "/slash",
        "/slash/", "/slash//", "/wo.rd+s/a-b_c~d", "/woXrd+s/a-b_c~d", "/string/x", "/string/",
        "/string", "/string/x/", "/string/x/y", "/string/x/and/y", "/string/x/and/",
        "/string/a%20b", "/string/a+b", "/string/%C3%A4", "/string/a%2Fb", "/string/%41",
        "/string/-._~!$&'()*,;=:@", "/string/a;b=c", "/string/..", "/string/.", "/int/0",
        "/int/42", "/int/-7", "/int/007", "/int/x", "/int/4x", "/int/", "/int/99999999999999999999",
        "/int/1.5", "/int/+1", "/path/a", "/path/a/b/c", "/path/", "/path/a//b", "/path/a/",
        "/between/a/end", "/between/a/b/end", "/between/end", "/between//end", "/re/7", "/re/abc7",
        "/re/abc", "/re/7a", "/re/A7", "/hex/ff", "/hex/FFff", "/hex/g", "/hex/", "/word/abc",
        "/word/aBc", "/even/ab", "/even/abc", "/order/first", "/order/last", "/order/x",
        "/a/../echo", "/./echo", "/string/x#fragment", "/string/" + "x" * 500,
        "/string/%", "/string/%4", "/string/%zz", "/string/a%%41", "/string/%00", "/string/%ff",
        "/seg/%2Fa", "/string/%2Fa", "/%2Fecho", "/string/ä", "/*",
    ):  # fmt: skip
        yield _get(target)
    for target in ("http://site/echo", "http://site:80/string/x?a=1", "http://site", "HTTP://x/"):
        yield _get(target)


def _verbs() -> Group:
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"):
        for target in ("/verbs", "/echo", "/none", "/string/x"):
            yield f"{verb} {target}", request(verb, target)
    for verb in ("get", "Get", "post", "head", "options", "TRACE", "CONNECT", "M-SEARCH", "X!#"):
        yield verb, request(verb, "/verbs")
    yield "OPTIONS *", request("OPTIONS", "*")
    yield "OPTIONS / with a body", request("OPTIONS", "/", body=b"abc")
    yield "GET with a body", request("GET", "/echo", body=b"abc")
    yield "DELETE with a body", request("DELETE", "/echo", body=b"abc")


def _queries() -> Group:
    for query in (
        "?", "?a", "?a=", "?a=1", "?a=1&b=2", "?a=1&a=2", "?a=1&&b=2", "?&", "?=1", "?a=b=c",
        "?a=1;b=2", "?a=x+y", "?a=x%20y", "?a=%C3%A4", "?%C3%A4=1", "?a=%26&b=%3D", "?a=1?b=2",
        "?a=/x/y", "?a=%2B", "?a=100%", "?a=%", "?%=1", "?a=%4", "?a=%zz", "?a=%ff", "?a=%F0%9F",
        "?a%=1&b", "?a=%%41", "?a=a%00b", "?a=%0d%0a", "?a=" + "x" * 900, "?a=%F0%9F%98%80",
        "?a=%C0%AF", "?a=%ED%A0%BD", "?a=%+1", "?" + "&".join(f"k{n}={n}" for n in range(40)),
        "?a=1#b", "?a=[1]", "?a[]=1", "?a=ä", "?stop=1",
    ):  # fmt: skip
        yield _get("/echo" + query)
    yield _get(b"/echo?a=\xe9")
    yield _get(b"/echo\xe9")
    for target in ("/args", "/args?n=5", "/args?n=x", "/args?n=-1&n=2", "/string/x?stop=1"):
        yield _get(target)
    yield "the query of a POST", request("POST", "/echo?a=1", body=b"b=2")


def _headers() -> Group:
    for name, lines in (
        ("x-plain", ["X-Plain: value"]),
        ("X-CASE", ["x-case: value"]),
        ("x-none", []),
        ("x-empty", ["X-Empty:"]),
        ("x-space", ["X-Space:    a  b   "]),
        ("x-tab", ["X-Tab:\ta\tb\t"]),
        ("x-colon", ["X-Colon: a:b: c"]),
        ("x-twice", ["X-Twice: 1", "X-Twice: 2"]),
        ("x-twice", ["X-Twice: 1", "x-twice: 2"]),
        ("x-long", ["X-Long: " + "y" * 1500]),
        ("x-utf8", ["X-Utf8: ä€"]),
        ("host", []),
        ("connection", []),
        ("accept", ["Accept: text/html, */*;q=0.1"]),
        ("x!#$", ["X!#$: odd"]),
        ("content-type", ["Content-Type: text/x; charset=utf-8"]),
        ("user-agent", ["User-Agent: a (b) c/1"]),
    ):
        yield " | ".join([name, *lines])[:60], request("GET", "/header/" + quote(name), *lines)
    yield "many headers", request("GET", "/echo", *(f"X-{n}: {n}" for n in range(50)))
    yield "a header that is not UTF-8", request("GET", "/echo", b"X: \xe9")
    yield "a name that is not UTF-8", request("GET", "/echo", b"X\xe9: 1")
    yield "overlong UTF-8", request("GET", "/echo", b"X: \xc0\xaf")
    yield "a space before the colon", request("GET", "/echo", "X : 1")
    yield "a header without a colon", request("GET", "/echo", "X")
    yield "a folded header", request("GET", "/echo", "X: 1\r\n 2")
    yield "a header without a name", request("GET", "/echo", ": 1")
    yield "NUL in a header", request("GET", "/echo", b"X: a\0b")
    yield "a line of 3000 bytes", request("GET", "/echo", "X: " + "y" * 3000)
    long = [f"X-{n}: " + "y" * 90 for n in range(50)]
    yield "5000 bytes of headers", request("GET", "/echo", *long)
    yield "70 headers", request("GET", "/echo", *(f"X-{n}: {n}" for n in range(70)))


def _cookies() -> Group:
    for value in (
        "a=1", "a=1; b=2", "a=1;b=2", "a", "a=", "=1", "", ";", "a=1; a=2", "a=b=c", 'a="q"',
        " a = 1 ", "a=%41", "a=ä", "a=1, b=2",
    ):  # fmt: skip
        yield f"Cookie: {value}", request("GET", "/echo", f"Cookie: {value}")
    yield "two Cookie lines", request("GET", "/echo", "Cookie: a=1", "Cookie: b=2")
    for target in ("/cookies/set", "/cookies/delete", "/cookies/bad"):
        yield _get(target)


def _json() -> Group:
    kind = "Content-Type: application/json"
    for text in (
        '{"a": 1}', "[1, 2.5, null, true]", '"x"', "5", "null", "false", "0", "", " ", "{", "nul",
        '{"a" 1}', "[1,,]", "01", '{"a": "\\u00e4"}', '{"a": "\\ud83d\\ude00"}', '{"a": "ä😀"}',
        '{"a": 1e999}', '{"a": NaN}', '{"a":1}x', "[" * 200 + "]" * 200, '{"a": {"b": [{}]}}',
    ):  # fmt: skip
        yield text[:40] or "empty", request("POST", "/json", kind, body=text.encode())
    yield "not UTF-8", request("POST", "/json", kind, body=b'{"a": "\xe9"}')
    yield "overlong", request("POST", "/json", kind, body=b'{"a": "\xc0\xaf"}')
    yield "a surrogate", request("POST", "/json", kind, body=b'{"a": "\xed\xa0\xbd"}')
    for text in (r"\ud83d", r"\ude00\ud83d", r"\\ud83d"):
        yield f"half a pair: {text}", request("POST", "/json", kind, body=b'["%s"]' % text.encode())
    body = json.dumps({"a": "x" * 3000}).encode()
    yield "3000 bytes", request("POST", "/json", kind, body=body)
    for other in ("application/json; charset=utf-8", "Application/JSON", "text/plain", "x+json"):
        yield other, request("POST", "/json", f"Content-Type: {other}", body=b"[1]")
    yield "no type", request("POST", "/json", body=b"[1]")


def _forms() -> Group:
    kind = "Content-Type: application/x-www-form-urlencoded"
    for text in (
        "a=1", "a=1&b=2", "a=1&a=2", "a=x+y", "a=%C3%A4", "a", "a=", "=1", "&", "a=100%", "a=%zz",
        "a=%ff", "n=5", "n=x", "a=1;b=2", "a=\r\n", "a=ä", "a=" + "x" * 3000,
    ):  # fmt: skip
        yield repr(text)[:30], request("POST", "/form", kind, body=text.encode())
    yield "empty", request("POST", "/form", kind, length=0)
    yield "charset", request("POST", "/form", kind + "; charset=utf-8", body=b"a=1")
    yield "another type", request("POST", "/form", "Content-Type: text/plain", body=b"a=1")
    yield "not UTF-8", request("POST", "/form", kind, body=b"a=\xe9")
    for text in ("%C0%AF", "%ED%A0%BD", "%F4%90%80%80"):
        yield f"not UTF-8: {text}", request("POST", "/form", kind, body=b"a=" + text.encode())


def _bodies() -> Group:
    for size in (0, 1, 100, 2000, 8192):
        yield f"{size} bytes", request("POST", "/echo", body=b"b" * size, length=size)
    for size in (0, 1, 699, 700, 701, 8192, 8193, 20_000, 64 * 1024):
        yield f"streamed: {size}", request("POST", "/stream", body=b"s" * size, length=size)
    yield "too large", request("POST", "/stream", length=64 * 1024 + 1)
    yield "far too large", request("POST", "/echo", length=10**15)
    yield "not read", request("POST", "/ignored", body=b"x" * 1000)
    yield "read exactly", request("POST", "/exactly", body=b"0123456789abcde")
    yield "read exactly, too short", request("POST", "/exactly", body=b"0123")
    yield "cut", request("POST", "/echo", body=b"abc", length=10)
    yield "longer than its length", request("POST", "/echo", body=b"abcdef", length=3)
    yield "two lengths", request("POST", "/echo", "Content-Length: 3", body=b"abc")
    for value in ("x", "-1", "+3", "0x3", "3.0", "3, 3", "", "\uff11"):
        yield f"Content-Length: {value}", request("POST", "/echo", f"Content-Length: {value}")
    chunked = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
    yield "chunked", request("POST", "/echo", "Transfer-Encoding: chunked") + chunked
    yield (
        "length and chunked",
        request("POST", "/echo", "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    )
    yield "gzip, chunked", request("POST", "/echo", "Transfer-Encoding: gzip, chunked") + chunked
    yield "expect", request("POST", "/echo", "Expect: 100-continue", body=b"abc")
    yield "expect something else", request("POST", "/echo", "Expect: x", body=b"abc")


def _answers() -> Group:
    kinds = (
        "text", "empty", "bytes", "bytearray", "dict", "list", "none", "int", "int404", "status",
        "headers", "two", "int-headers", "dict-status", "response", "reason", "json-string", "html",
        "none-404", "many-headers", "list-header", "large", "304", "length", "close",
        "number-header", "unknown",
    )  # fmt: skip
    for kind in kinds:
        yield _get(f"/answer/{kind}")
    for kind in ("text", "dict", "none", "status", "reason", "bytearray", "large", "304"):
        yield f"HEAD {kind}", request("HEAD", f"/answer/{kind}")
    yield _get("/default-type")
    for query in (
        "", "?to=/x", "?to=https://example.org/%C3%A4", "?code=301", "?code=308", "?to=%0d%0aX:1"
    ):  # fmt: skip
        yield _get("/redirect" + query)


def _errors() -> Group:
    for code in (400, 401, 403, 404, 405, 409, 413, 418, 422, 429, 500, 503, 599):
        yield _get(f"/abort/{code}")
    for code in (400, 403, 418):
        yield _get(f"/abort/{code}?why=because")
    for kind in ("zero", "trouble", "worse", "key", "os", "value"):
        yield _get(f"/raise/{kind}")
        yield f"HEAD {kind}", request("HEAD", f"/raise/{kind}")


def _hooks() -> Group:
    for target in (
        "/own-after/0", "/own-after/1", "/own-after/3", "/replaced", "/replaced?stop=1",
        "/none?stop=1", "/own-after/1?stop=", "/abort/403?stop=x",
    ):  # fmt: skip
        yield _get(target)


def _files() -> Group:
    names = (
        "page.html", "style.css", "app.js", "data.json", "icon.svg", "note.txt", "empty.txt",
        "image.png", "unknown.xyz", "noextension", "deeper/page.html", "none.txt", "../site.py",
        "packed.txt.gz", "page.html.gz",
    )  # fmt: skip
    for name in names:
        yield _get(f"/static/{name}")
    for name in ("page.html", "note.txt"):
        yield f"HEAD {name}", request("HEAD", f"/static/{name}")
        yield f"POST {name}", request("POST", f"/static/{name}")
        yield f"1.0 {name}", request("GET", f"/static/{name}", version="1.0")
        yield _get(f"/static/{name}", "Accept-Encoding: identity")
        yield _get(f"/static/{name}", "Accept-Encoding: gzip")
    for kind in ("typed", "status", "stream", "gz", "gz-name", "headers", "none"):
        yield _get(f"/file/{kind}")


def _pieces() -> Group:
    kinds = (
        "generator", "generator-status", "bytes", "empty-pieces", "async", "bytesio",
        "async-file", "length", "ä", "unknown",
    )  # fmt: skip
    for kind in kinds:
        yield _get(f"/pieces/{quote(kind)}" if kind != "ä" else "/pieces/ä")
        yield f"1.0 {kind}", request("GET", f"/pieces/{kind}", version="1.0")
    for kind in ("generator", "async", "bytesio"):
        yield f"HEAD {kind}", request("HEAD", f"/pieces/{kind}")
    yield "raises", request("GET", "/pieces/raises"), b"part 6\n"


def _events() -> Group:
    for kind in ("all", "many", "nothing"):
        yield _get(f"/events/{kind}")
        yield f"1.0 {kind}", request("GET", f"/events/{kind}", version="1.0")
    yield _get("/events-by-hand")
    yield "HEAD", request("HEAD", "/events/nothing")
    yield "raises", request("GET", "/events/raises"), b"data: first\n\n"


_UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def _frame(data: bytes, opcode: int = 1, mask: bytes = b"abcd", final: bool = True) -> bytes:
    head = bytes([(0x80 if final else 0) | opcode])
    flag = 0x80 if mask else 0
    if len(data) < 126:
        head += bytes([flag | len(data)])
    elif len(data) < 65536:
        head += struct.pack("!BH", flag | 126, len(data))
    else:
        head += struct.pack("!BQ", flag | 127, len(data))
    if mask:
        data = bytes(c ^ mask[i % 4] for i, c in enumerate(data))
    return head + mask + data


def _websockets() -> Group:
    for name, frames in {
        "one message": [_frame(b"one")],
        "three messages": [_frame(b"one"), _frame(b"two"), _frame("drei €".encode())],
        "binary": [_frame(bytes(range(256)), 2)],
        "125 bytes": [_frame(b"x" * 125)],
        "126 bytes": [_frame(b"x" * 126)],
        "8192 bytes": [_frame(b"x" * 8192)],
        "8193 bytes": [_frame(b"x" * 8193), _frame(b"y")],
        "70000 bytes": [_frame(b"x" * 70000)[:14]],
        "empty": [_frame(b""), _frame(b"x")],
        "no mask": [_frame(b"one", mask=b"")],
        "ping": [_frame(b"p", 9), _frame(b"x")],
        "pong": [_frame(b"p", 10), _frame(b"x")],
        "closed by the client": [_frame(b"x"), _frame(b"\x03\xe8", 8), _frame(b"y")],
        "continued": [_frame(b"x", final=False), _frame(b"y", 0)],
        "unknown opcode": [_frame(b"x", 3), _frame(b"y")],
        "not UTF-8": [_frame(b"\xff"), _frame(b"y")],
        "cut in the head": [_frame(b"x"), b"\x81"],
        "cut in the message": [_frame(b"x"), _frame(b"abcdef")[:-2]],
        "ended by the server": [_frame(b"x"), _frame(b"end"), _frame(b"y")],
        "nothing": [],
    }.items():
        yield name, request("GET", "/ws/echo", *_UPGRADE) + b"".join(frames)
    yield "closes", request("GET", "/ws/close", *_UPGRADE)
    yield "raises", request("GET", "/ws/raises", *_UPGRADE)
    yield "by hand", request("GET", "/upgrade", *_UPGRADE)
    yield "by hand, refused", request("GET", "/upgrade?no=1", *_UPGRADE)
    yield "POST", request("POST", "/ws/echo", *_UPGRADE)
    for at in range(len(_UPGRADE)):
        lines = [line for i, line in enumerate(_UPGRADE) if i != at]
        yield f"without {_UPGRADE[at][:16]}", request("GET", "/ws/echo", *lines)
    yield "another protocol", request("GET", "/ws/echo", "Upgrade: h2c", *_UPGRADE[1:])
    yield (
        "keep-alive, Upgrade",
        request("GET", "/ws/close", _UPGRADE[0], "Connection: keep-alive, Upgrade", *_UPGRADE[2:]),
    )


def _part(name: str, value: bytes, filename: str | None = None, kind: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    if kind:
        head += f"\r\nContent-Type: {kind}"
    return head.encode() + b"\r\n\r\n" + value + b"\r\n"


def _multipart(*parts: bytes, boundary: str = "xyzzy", end: bytes = b"--\r\n") -> bytes:
    delimiter = b"--" + boundary.encode()
    return b"".join(delimiter + b"\r\n" + part for part in parts) + delimiter + end


def _parts() -> Group:
    kind = "Content-Type: multipart/form-data; boundary=xyzzy"
    binary = bytes(range(256)) * 4
    for name, body in {
        "one field": _multipart(_part("a", b"1")),
        "three fields": _multipart(_part("a", b"1"), _part("b", b"2"), _part("a", b"3")),
        "empty field": _multipart(_part("a", b"")),
        "long field": _multipart(_part("a", b"x" * 1000)),
        "UTF-8": _multipart(_part("ä", "€".encode())),
        "lines": _multipart(_part("a", b"1\r\n2\r\n--xyz\r\n3")),
        "a file": _multipart(_part("f", b"data", "f.txt", "text/plain")),
        "a binary file": _multipart(_part("f", binary, "f.bin", "application/octet-stream")),
        "an empty file": _multipart(_part("f", b"", "f.txt")),
        "a file and fields": _multipart(
            _part("a", b"1"), _part("f", binary * 3, "f.bin"), _part("b", b"2")
        ),
        "two files": _multipart(_part("f", b"1" * 700, "1"), _part("g", b"2" * 700, "2")),
        "nothing": _multipart(),
        "no line end behind": _multipart(_part("a", b"1"), end=b"--"),
        "no name": _multipart(b"Content-Disposition: form-data\r\n\r\nx\r\n"),
        "no disposition": _multipart(b"X: 1\r\n\r\nx\r\n"),
        "another boundary": _multipart(_part("a", b"1"), boundary="other")[:8],
    }.items():
        for target in ("/parts", "/parts-one-by-one"):
            if name != "another boundary":
                yield f"{name} {target}", request("POST", target, kind, body=body)
    large = _multipart(_part("f", bytes(30_000), "f.bin"), _part("a", b"1"))
    yield "30000 bytes", request("POST", "/parts-one-by-one", kind, body=large)
    other = "Content-Type: application/x-www-form-urlencoded"
    yield "a plain form", request("POST", "/parts", other, body=b"a=1")
    yield "no boundary", request("POST", "/parts", "Content-Type: multipart/form-data", body=b"x")


def _auth() -> Group:
    def basic(text: str) -> str:
        return "Authorization: Basic " + base64.b64encode(text.encode()).decode()

    for line in (
        basic("ann:secret"), basic("ann:wrong"), basic("ann"), basic(":secret"), basic("ä:secret"),
        basic("a:b:secret"), "Authorization: Basic !!!", "Authorization: Basic", "Authorization:",
        "Authorization: basic " + base64.b64encode(b"ann:secret").decode(), "X: none",
    ):  # fmt: skip
        yield f"basic {line}", request("GET", "/auth/basic", line)
    yield "named", request("GET", "/auth/named", basic("ann:secret"))
    yield "named, none", request("GET", "/auth/named")
    for line in (
        "Authorization: Bearer good", "Authorization: bearer good", "Authorization: Bearer  good ",
        "Authorization: Bearer bad", "Authorization: good", "Authorization: Token good", "X: none",
    ):  # fmt: skip
        yield f"token {line}", request("GET", "/auth/token", line)
        yield f"optional {line}", request("GET", "/auth/optional", line)
    for line in ("X-Key: key", "x-key: key", "X-Key: other", "X: none"):
        yield f"key {line}", request("GET", "/auth/key", line)


def _logins() -> Group:
    def session(**values: object) -> str:
        return "session=" + json.dumps(values).encode().hex()

    for target in (
        "/login/ann", "/login/ann?remember", "/login/ann?next=/private", "/private", "/fresh",
        "/login/ann?next=//evil", "/login/ann?next=https://evil", "/logout", "/private?x=1&y=a+b",
    ):  # fmt: skip
        yield _get(target)
    fresh, stale = session(_user_id="ann", _fresh=True), session(_user_id="ann", _fresh=False)
    remember = "_remember=" + json.dumps({"user_id": "ann", "days": 30}).encode().hex()
    gone = session(_user_id="gone", _fresh=True)
    for name, cookie in {
        "fresh": fresh, "stale": stale, "remembered": remember, "broken": "session=zz", "gone": gone
    }.items():  # fmt: skip
        for target in ("/private", "/fresh", "/logout"):
            yield f"{target} {name}", request("GET", target, f"Cookie: {cookie}")


def _guarded() -> Group:
    origins = ("Origin: https://good.example", "Origin: https://bad.example", "X: none")
    sites = ("same-origin", "none", "same-site", "cross-site", "")
    for origin in origins:
        for target in ("/guarded/read", "/guarded/none"):
            yield f"{target} {origin}", request("GET", target, origin)
        for site in sites:
            lines = [origin] + ([f"Sec-Fetch-Site: {site}"] if site else [])
            yield f"write {' '.join(lines)}", request("POST", "/guarded/write", *lines)
        yield (
            f"protected {origin}",
            request("GET", "/guarded/protected", origin, "Sec-Fetch-Site: cross-site"),
        )
        yield (
            f"exempt {origin}",
            request("POST", "/guarded/exempt", origin, "Sec-Fetch-Site: cross-site"),
        )
        for verb, asked in (("POST", "X-Asked"), ("PUT", "X-Asked, X-Other"), ("GET", "")):
            lines = [origin, f"Access-Control-Request-Method: {verb}"]
            lines += [f"Access-Control-Request-Headers: {asked}"] if asked else []
            yield f"preflight {verb} {origin}", request("GET", "/preflight/guarded/write", *lines)


def _mounted() -> Group:
    for target in (
        "/outer", "/outer/", "/outer/x", "/outer/inner/", "/outer/inner/5", "/outer/inner/x",
        "/outer/inner/raise/zero", "/outer/inner/raise/trouble", "/outer/inner/raise/teapot",
        "/outer/inner/raise/gone", "/local/", "/local/zero", "/local/none", "/local/?stop=1",
    ):  # fmt: skip
        yield _get(target)
    yield "POST", request("POST", "/outer/inner/5")
    yield "OPTIONS", request("OPTIONS", "/local/")


def _own() -> Group:
    yield _get("/own/one")
    yield _get("/own/lines")


def _malformed() -> Group:
    end = b"\r\nHost: site\r\nConnection: close\r\n\r\n"
    for line in (
        b"", b"GET", b"GET /echo", b"GET  /echo HTTP/1.1", b"GET /echo HTTP/1.1 x", b"/echo",
        b"GET /a b HTTP/1.1", b" GET /echo HTTP/1.1", b"GET /echo HTTP/1.1 ",
        b"GET\t/echo\tHTTP/1.1",
        b"GET /echo http/1.1", b"GET /echo HTTP", b"GET /echo HTTP/", b"GET /echo HTTP/2.0",
        b"GET /echo HTTP/1.2", b"GET /echo HTTP/9", b"GET /echo FTP/1.1", b"GET echo HTTP/1.1",
        b"GET ?a=1 HTTP/1.1", b"G\xe9T /echo HTTP/1.1", b"GET /\xe9 HTTP/1.1",
        b"G%45T /echo HTTP/1.1",
        b"GET /echo\0 HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b"GET /" + b"x" * 3000 + b" HTTP/1.1",
        b"GET ftp://site/echo HTTP/1.1", b"GET /echo\xc2\xa0HTTP/1.1", b"\r\nGET /echo HTTP/1.1",
    ):  # fmt: skip
        yield line.decode("latin-1").encode("unicode_escape").decode()[:50], line + end
    host = b"GET /echo HTTP/1.1\r\nConnection: close\r\n"
    yield "no Host", host + b"\r\n"
    yield "two Hosts", host + b"Host: a\r\nHost: b\r\n\r\n"
    for value in (b"", b"a/b", b"a b", b"u@h", b"a:80", b"[::1]:80", b"a:x"):
        yield f"Host: {value.decode()}", host + b"Host: %s\r\n\r\n" % value
    yield "LF only", b"GET /echo HTTP/1.1\nHost: site\nConnection: close\n\n"
    yield "CR only", b"GET /echo HTTP/1.1\rHost: site\r\r"
    yield "nothing", b""
    yield "half a head", b"GET /echo HTTP/1.1\r\nHost: site\r\n"
    yield "half a line", b"GET /ec"


def _versions() -> Group:
    for target in ("/echo", "/", "/none", "/answer/dict", "/answer/none", "/answer/large"):
        yield f"1.0 {target}", request("GET", target, version="1.0")
    yield "1.0 without Host", b"GET /echo HTTP/1.0\r\n\r\n"
    yield "1.0 keep-alive", request("GET", "/echo", "Connection: keep-alive", version="1.0")
    yield "1.1 keep-alive", request("GET", "/echo", "Connection: keep-alive")
    yield "two Connection lines", request("GET", "/echo", "Connection: x", "Connection: close")
