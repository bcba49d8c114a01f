"""Mutated requests: valid ones with random changes, which a seed reproduces."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

# Inputs that break parsers: separators, numbers at the limits, malformed encodings.
_TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\x0b", b":", b";", b",", b"%", b"%%", b"%00",
    b"%0d%0a", b"%2F", b"%C0%AF", b"%ED%A0%BD", b"\xc0\xaf", b"\xed\xa0\xbd", b"\xff", b"\xf0\x9f",
    b"?", b"&", b"=", b"#", b"..", b"//", b"/", b"*", b"http://x", b"[", b"]", b"{", b"}", b'"',
    b"\\", b"\\ud83d", b"\\u0000", b"null", b"true", b"NaN", b"1e999", b"-0", b"-1", b"0x10",
    b"9" * 30, b"9" * 3000, b"4294967296", b"18446744073709551616", b"A" * 300, b"[" * 500,
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 4\r\n", b"Content-Length: 99999999\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Connection: keep-alive, Upgrade\r\n",
    b"Host: a\r\n", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"GET ", b"HEAD ", b"POST ", b"OPTIONS ",
    b"PUT ", b"DELETE ", b"BREW ", b"0\r\n\r\n", b"ffffffff\r\n", b"1;a=b\r\n", b"\x1e{}", b"1_0",
    b"\x1b[2J", b"--b", b"--b--\r\n", b"; boundary=", b"Cookie: a=",
    b"Upgrade: websocket\r\n", b"\x16\x03\x01",
]  # fmt: skip
END = b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Attempt:
    """The bytes that one client sends, and how."""

    name: str  # "<target> <seed> <index>", which reproduces it
    pieces: list[bytes]
    leaves: bool  # closes the connection before it reads a response


def attempt(target: str, corpus: list[bytes], seed: int, index: int) -> Attempt:
    """Return the attempt with these arguments, which is always the same."""
    rng = random.Random(f"{target} {seed} {index}")
    data = rng.choice(corpus)
    if rng.random() < 0.2:
        data += rng.choice(corpus)
    times = rng.choice((0, 1, 1, 1, 2, 2, 3, 5))
    if rng.random() < 0.4:
        data = _framed(rng, data, corpus, times)
    else:
        for _ in range(times):
            data = _mutated(rng, data, corpus)
    data = data[:70_000]
    if rng.random() < 0.7:
        data += END
    return Attempt(f"{target} {seed} {index}", _split(rng, data), rng.random() < 0.05)


def _framed(rng: random.Random, data: bytes, corpus: list[bytes], times: int) -> bytes:
    """Mutate one part of a request and keep its framing, so that the code for that part runs."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    verb, target, version = line.split(b" ", 2)
    parts = [target, body, *headers]
    at = rng.choice((0, 0, 1, 1, rng.randrange(len(parts))))
    for _ in range(times):
        parts[at] = _mutated(rng, parts[at], corpus)
    target, body, *headers = parts
    sized = (b"content-length:", b"transfer-encoding:")
    if at < 2 and not any(h.lower().startswith(sized[1]) for h in headers):
        headers = [h for h in headers if not h.lower().startswith(sized)]
        headers += [b"Content-Length: %d" % len(body)] if body else []
        target = target.replace(b" ", b"+").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    return b"\r\n".join([b" ".join((verb, target, version)), *headers, b"", body])


def _mutated(rng: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 1, 2, 4, 20, 200)))
    match rng.randrange(8):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + rng.choice(_TOKENS) + data[at:]
        case 2:
            return data[:at] + rng.choice(_TOKENS) + data[to:]
        case 3:
            return data[:at] + data[to:]
        case 4:
            return data[:to] + data[at:to] * rng.choice((1, 2, 50)) + data[to:]
        case 5:
            other = rng.choice(corpus)
            return data[:at] + other[rng.randrange(len(other)) :]
        case 6:
            lines = data.split(b"\r\n")
            rng.shuffle(lines)
            return b"\r\n".join(lines)
        case _:
            bit = 1 << rng.randrange(8)
            return data[:at] + bytes(c ^ bit for c in data[at : at + 1]) + data[at + 1 :]


def _split(rng: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


def request(verb: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a valid request."""
    lines = [f"{verb} {target} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def message(text: bytes, opcode: int = 1) -> bytes:
    """Return a WebSocket frame of a client."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
    mask = b"mask"
    return bytes([0x80 | opcode]) + size + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text))


_JSON = "Content-Type: application/json"
_FORM = "Content-Type: application/x-www-form-urlencoded"
_PARTS = "Content-Type: multipart/form-data; boundary=b"
_CHUNKED = "Transfer-Encoding: chunked"

CONTRACT = [
    request("GET", "/items/x?limit=5"),
    request("GET", "/items/%C3%A4%20b", "Accept: */*", "X-A: b"),
    request("HEAD", "/items/x"),
    request("PUT", "/items/x?on=true", _JSON, body=b'{"value":1.5}'),
    request("PUT", "/items/x", _JSON, _CHUNKED)
    + b'8;a=b\r\n{"value"\r\n3\r\n:1}\r\n0\r\nT: 1\r\n\r\n',
    request("DELETE", "/items/x"),
    request("GET", "/items/special/7/twice"),
    request(
        "POST", "/tags", _JSON, body=b'{"tags":["a","\\u00e4\\ud83d\\ude00"],"more":{"b":[1]}}'
    ),
    request("POST", "/tags", _JSON, "Expect: 100-continue", body=b'{"tags":[],"note":null}'),
    request("POST", "/nested", _JSON, body=b'{"rows":[{"a":1.5,"b":null}],"more":{"c":[1,2]}}'),
    request("POST", "/large", _JSON, body=b'{"text":"' + b"y" * 3000 + b'"}'),
    request("GET", "/lines.csv?count=5"),
    request("GET", "/flag/true", "Connection: keep-alive"),
    request("OPTIONS", "/items/x"),
    request("GET", "http://x:80/list?a=1"),
    request("GET", "/list", "Connection: close").replace(b"1.1", b"1.0"),
    request("GET", "/list") * 3,
    request("POST", "/internal", _JSON, body=b'{"n":1}'),
]

APPLICATION = [
    request("GET", "/"),
    request("GET", "/users/7?q=a+b&q=%C3%A4", "Cookie: a=1; b=2", "Authorization: Basic YTpi"),
    request("POST", "/json", _JSON, body=b'{"a": [1, {"b": null}]}'),
    request("POST", "/form", _FORM, body=b"a=1&b=%C3%A4+x"),
    request("POST", "/form", _FORM, _CHUNKED) + b"3\r\na=1\r\n0\r\n\r\n",
    request("POST", "/parts", _PARTS, body=(
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
        + bytes(range(256)) + b"\r\n--b--\r\n"
    )),
    request("POST", "/upload", body=bytes(20_000)),
    request("POST", "/upload", "Expect: 100-continue", body=b"x" * 600),
    request("GET", "/page", "Accept-Encoding: gzip;q=0.5, *"),
    request("GET", "/page"),
    request("HEAD", "/page"),
    request("GET", "/lines?n=5"),
    request("GET", "/events"),
    request("GET", "/own"),
    request("GET", "/abort/418"),
    request("GET", "/path/a/b/c"),
    request("PATCH", "/anything", body=b"abc"),
    request("OPTIONS", "/form"),
    request("GET", "/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==")
    + message(b"one") + message(bytes(300), 2) + message(b"p", 9) + message(b"", 8),
]  # fmt: skip

GATEWAY = [
    *CONTRACT,
    request("POST", "/tags", _JSON, "Prefer: wait=1", body=b'{"tags":["a"]}'),
    request("POST", "/tags", _JSON, "Prefer: respond-async", body=b'{"tags":["a"]}'),
    request("GET", "/~gateway"),
    request("GET", "/~requests/box/1700000000/abc"),
    request("GET", "/openapi.json"),
    request("GET", "/list", "Connection: X-Hop", "X-Hop: 1", "TE: trailers", "Keep-Alive: 5"),
    request("GET", "/list", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
]
