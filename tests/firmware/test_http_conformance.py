"""Bytes in, status out: a table of requests, the status of each, and what follows.

Every case is followed by another request on the same connection. ``KEPT`` means that this one is
answered separately; ``CLOSED`` means that the connection ends and it is not executed.
References are to RFC 9112 (framing), RFC 9110 (meaning), RFC 3986 (URIs) and RFC 3629 (UTF-8).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
import time

import pytest

from tests.helpers.running import Running, read_all

KEPT = True
CLOSED = False
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
JSON = b"Content-Type: application/json"


def _request(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"Host: x") -> bytes:
    lines = [line, *([host] if host else []), *headers, b"", body]
    return b"\r\n".join(lines)


def _get(target: bytes, *headers: bytes, host: bytes = b"Host: x") -> bytes:
    return _request(b"GET " + target + b" HTTP/1.1", *headers, host=host)


def _put(*headers: bytes, body: bytes = b"") -> bytes:
    return _request(b"PUT /items/x?value=1 HTTP/1.1", *headers, body=body)


def _json(body: bytes) -> bytes:
    return _request(b"POST /tags HTTP/1.1", JSON, b"Content-Length: %d" % len(body), body=body)


def _chunks(body: bytes) -> bytes:
    return _request(b"POST /tags HTTP/1.1", JSON, CHUNKED, body=body)


_FRAMING = [
    # 9112, 6.1: a length and a coding together, in any order and number
    (_put(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(CHUNKED, b"Content-Length: 4", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(CHUNKED, b"X: 1", b"content-length: 0", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Content-Length: 0", b"X: 1", CHUNKED, body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Transfer-Encoding: identity", b"Content-Length: 0"), 400, CLOSED),
    (_put(b"Transfer-Encoding:", b"Content-Length: 0"), 400, CLOSED),
    (_put(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n"), 201, KEPT),
    (_put(b"Transfer-Encoding: \t chunked \t", body=b"0\r\n\r\n"), 201, KEPT),
    (_put(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), 400, CLOSED),
    (_put(b"Transfer-Encoding: chunked\x0c", body=b"0\r\n\r\n"), 400, CLOSED),
    # 9112, 6.1: HTTP/1.0 has no chunks
    (_request(b"PUT /items/x?value=1 HTTP/1.0", CHUNKED, body=b"0\r\n\r\n"), 400, CLOSED),
    (
        _request(
            b"PUT /items/x?value=1 HTTP/1.0", b"Connection: keep-alive", CHUNKED, body=b"0\r\n\r\n"
        ),
        400,
        CLOSED,
    ),
    # 9112, 6.3; 9110, 8.6: a length is digits, and there is one
    (_put(b"Content-Length: 0"), 201, KEPT),
    (_put(b"Content-Length: 00"), 201, KEPT),
    (_put(b"Content-Length:\t0 \t"), 201, KEPT),
    *[
        (_put(b"Content-Length: " + value), 400, CLOSED)
        for value in (
            *(b"+0", b"-0", b"0x0", b"0,0", b"0 0", b"1_0", b"", b"0.0", b"0\x0b", b"\x0c0"),
            *(b"\xa00", b"\xd9\xa0", b"0;q=1", b"a"),
        )
    ],
    (_put(b"Content-Length: 0", b"Content-Length: 0"), 400, CLOSED),
    (_put(b"Content-Length: 0", b"CONTENT-LENGTH: 1"), 400, CLOSED),
    (_put(b"Content-Length: " + b"9" * 3000), 413, CLOSED),
    (_put(b"Content-Length: 4294967296"), 413, CLOSED),
    (_put(b"Content-Length: 18446744073709551616"), 413, CLOSED),
]

_TAGS = b'{"tags":["a"]}'  # 14 bytes: e
_CHUNKS = [
    (_chunks(b"e\r\n" + _TAGS + b"\r\n0\r\n\r\n"), 200, KEPT),
    (_chunks(b"0000000E\r\n" + _TAGS + b"\r\n000\r\n\r\n"), 200, KEPT),
    (_chunks(b'e;a;b=c;d="x y"\r\n' + _TAGS + b"\r\n0;z\r\n\r\n"), 200, KEPT),
    (_chunks(b"7\r\n" + _TAGS[:7] + b"\r\n7\r\n" + _TAGS[7:] + b"\r\n0\r\n\r\n"), 200, KEPT),
    *[
        (_chunks(size + b"\r\n" + _TAGS + b"\r\n0\r\n\r\n"), 400, CLOSED)
        for size in (
            *(b" e", b"\te", b"e ", b"+e", b"-e", b"0xe", b"e_0", b"", b";a", b"g", b"\x0be"),
            *(b"e\x0c", b"e\xa0", b"00000000e", b"e;a\rb", b"e;a\nb", b"e;a\0b", b"e;\x1b"),
            *(b"e;\x7f", b"e;a=\x7fb"),
            # 9112, 7.1.1 allows these, but no sender may produce them: as at the gateway
            *(b"e \t;a", b"e ;a=b", b"e\t;a", b"e; a", b"e;a =b", b"e;a= b", b"e;a;\tb", b"e; "),
            *(b"e\n", b"e\r", b"e;" + b"a" * 200, b"e,e", b"e e"),
        )
    ],
    (_chunks(b"e\n" + _TAGS + b"\r\n0\r\n\r\n"), 400, CLOSED),
    (_chunks(b"e\r\n" + _TAGS + b"0\r\n\r\n"), 400, CLOSED),
    (_chunks(b"e\r\n" + _TAGS + b"\n\n0\r\n\r\n"), 400, CLOSED),
    (_chunks(b"d\r\n" + _TAGS + b"\r\n0\r\n\r\n"), 400, CLOSED),
    (_chunks(b"4001\r\n"), 413, CLOSED),
    (_chunks(b"ffffffff\r\n"), 413, CLOSED),
    # many extensions: each is short, together they are not
    (
        _chunks(b"1;" + b"a" * 100 + b"\r\n \r\n" + (b"1;" + b"a" * 100 + b"\r\n \r\n") * 60),
        400,
        CLOSED,
    ),
    # 9112, 7.1.2: trailers are header lines, and are not merged
    (_chunks(b"e\r\n" + _TAGS + b"\r\n0\r\nA: b\r\nC: d\r\n\r\n"), 200, KEPT),
    (_chunks(b"e\r\n" + _TAGS + b"\r\n0\r\nContent-Length: 5\r\n\r\n"), 200, KEPT),
    (_chunks(b"e\r\n" + _TAGS + b"\r\n0\r\nConnection: close\r\n\r\n"), 200, KEPT),
    *[
        (_chunks(b"e\r\n" + _TAGS + b"\r\n0\r\n" + line + b"\r\n\r\n"), 400, CLOSED)
        for line in (
            *(b"no colon", b" a: b", b"a b: c", b": c", b"a : b", b"a: b\rc", b"a: b\nc", b"a: \0"),
            *(b"GET /list HTTP/1.1", b"a: b\r\n folded"),
        )
    ],
    (_chunks(b"0\r\n" + b"A: b\r\n" * 70 + b"\r\n"), 431, CLOSED),
    (_chunks(b"0\r\nA: " + b"b" * 5000 + b"\r\n\r\n"), 431, CLOSED),
]

_LINES = [
    (_request(b"GET /list HTTP/1.1"), 200, KEPT),
    (b"\r\n\r\n" + _request(b"GET /list HTTP/1.1"), 200, KEPT),
    *[
        (_request(line), 400, CLOSED)
        for line in (
            *(b"GET /list", b"GET", b"GET  /list HTTP/1.1", b"GET /list  HTTP/1.1", b" GET /list"),
            *(b"GET /list HTTP/1.1 ", b"GET /list HTTP/1.1 x", b"GET\t/list\tHTTP/1.1"),
            *(
                b"GET /list\tHTTP/1.1",
                b"GET /list HTTP/1.x",
                b"GET /list HTTP/1.",
                b"GET /list HTTP/",
            ),
            *(b"GET /list HTTP/1.1\x0b", b"GET /list http/1.1", b"GET /list HTTP/1.10"),
            *(
                b"GET /list HTTP/01.1",
                b"GET /list FTP/1.1",
                b"GET /list HTTP/1.1\rX: y",
                b"GET /a b HTTP/1.1",
            ),
            # 9110, 9.1: a method is a token
            *(b"G(T /list HTTP/1.1", b"G\x1bT /list HTTP/1.1", b"G\xc3\xa9T /list HTTP/1.1"),
            *(b"G:T /list HTTP/1.1", b'"GET" /list HTTP/1.1', b"G\0T /list HTTP/1.1"),
            *(b"@ /list HTTP/1.1", b"G/T /list HTTP/1.1", b"[ /list HTTP/1.1"),
        )
    ],
    (_request(b"GET /list HTTP/1.7"), 200, KEPT),
    (_request(b"GET /list HTTP/2.0"), 505, CLOSED),
    (_request(b"GET /list HTTP/0.9"), 505, CLOSED),
    (_request(b"PRI * HTTP/2.0"), 505, CLOSED),
    (_request(b"get /list HTTP/1.1"), 405, KEPT),
    (_request(b"G%45T /list HTTP/1.1"), 405, KEPT),  # "%" is a character of a token
    (_request(b"BREW-A.b_c!#$%&'*+^`|~9 /list HTTP/1.1"), 405, KEPT),
    (b"GET /list HTTP/1.1\nHost: x\n\n", 400, CLOSED),
    (b"GET /list HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, CLOSED),
    (b"SSH-2.0-OpenSSH_9.6\r\n", 400, CLOSED),
    (b"\x80\x01\x02", 400, CLOSED),
    (b"\0\0\0\0", 400, CLOSED),
    (b"hello\r\n", 400, CLOSED),
]

_TARGETS = [
    (_get(b"/items/%2Fa"), 200, KEPT),
    (_get(b"/items/%2FGET"), 200, KEPT),
    (_get(b"/items/%2f"), 200, KEPT),
    (_get(b"/%2FGET"), 404, KEPT),
    (_get(b"/items/x/%2FGET"), 404, KEPT),
    (_get(b"/list/%2F"), 404, KEPT),
    (_get(b"/items/special/%2Fa/twice"), 400, KEPT),
    (_get(b"/items/a%2Fb%20%C3%A9%F0%9F%8C%A1"), 200, KEPT),
    (_get("/items/é\U0001f321".encode()), 200, KEPT),
    (_get(b"/items/a%0D%0Ab"), 200, KEPT),  # a legal value: code that logs it must escape it
    (_get(b"/items/a+b"), 200, KEPT),
    *[
        (_get(b"/items/" + part), 400, CLOSED)
        for part in (
            *(b"%", b"100%", b"%4", b"%zz", b"%4g", b"%g4", b"%%41", b"a%%41", b"%+1", b"% 41"),
            *(b"%_1", b"%41%", b"%-1", b"%0x", b"%\xc3\xa9"),
            # 3629: overlong, surrogates, beyond U+10FFFF, cut
            *(b"%C0%AF", b"%C1%BF", b"%E0%80%AF", b"%E0%9F%BF", b"%F0%80%80%AF", b"%F0%8F%BF%BF"),
            *(b"%ED%A0%BD", b"%ED%BF%BF", b"%F4%90%80%80", b"%F5%80%80%80", b"%F7%BF%BF%BF"),
            *(b"%FF", b"%C3", b"%A9", b"%E2%82", b"%C3%28", b"%F8%88%80%80%80"),
            *(b"\xc0\xaf", b"\xed\xa0\xbd", b"\xe9", b"\xff", b"\xf4\x90\x80\x80", b"\xe0\x80\x80"),
            # a NUL, raw or escaped, and other control characters
            *(
                b"%00",
                b"a%00.html",
                b"\0",
                b"a\rb",
                b"a\x0bb",
                b"a\x1bb",
                b"a\x7fb",
                b"a\tb",
                b"\x08",
            ),
        )
    ],
    *[
        (_get(b"/list?" + part), 400, CLOSED)
        for part in (
            *(b"b=100%", b"a%%41=1", b"%zz", b"a=%C0%AF", b"a=%ED%A0%BD", b"a=\xe9", b"a=\xc0\xaf"),
            *(b"a=%00", b"a=\0", b"a=\r", b"a=\x1b", b"a=%E9", b"a=1&b=%4"),
        )
    ],
    (_get(b"/list?a=%C3%A9&b=%25&c=1+2&&=&d"), 200, KEPT),
    (_get(b"/list?"), 200, KEPT),
    (_get(b"/items/x?limit=1%30"), 200, KEPT),
    # 9112, 3.2: the forms of a target
    (_get(b"http://x/list"), 200, KEPT),
    (_get(b"HTTP://other:80/list?a=b"), 200, KEPT),  # 3.2.2: the Host is then ignored
    (_get(b"http://[::1]:80/list"), 200, KEPT),
    (_get(b"http://x"), 404, KEPT),
    (_get(b"http://x?a=b"), 404, KEPT),
    *[
        (_get(target), 400, CLOSED)
        for target in (
            *(b"/list#a", b"/list#", b"/#", b"/list?a=1#b", b"/items/a#b", b"http://x/list#a"),
            *(b"list", b"http://", b"http:///list", b"http://u@x/list", b"http://a:b/list"),
            *(
                b"https://x/list",
                b"ftp://x/list",
                b"x:80",
                b"?a",
                b"http:/list",
                b"http://a\\b/list",
            ),
        )
    ],
    (_request(b"OPTIONS * HTTP/1.1"), 204, KEPT),
    (_get(b"*"), 400, KEPT),
    (_request(b"POST * HTTP/1.1"), 400, KEPT),
    (_request(b"CONNECT x:80 HTTP/1.1"), 400, CLOSED),
    (_request(b"OPTIONS /list HTTP/1.1"), 204, KEPT),
]

_HEADERS = [
    *[
        (_get(b"/list", host=b"Host: " + host), 200, KEPT)
        for host in (
            *(b"", b"x", b"x:80", b"x:", b"a-b.c_d~e", b"1.2.3.4:8001", b"[::1]", b"[fe80::1]:80"),
            *(b"a%20b", b"a!$&'()*+,;=b", b"shed.local"),
        )
    ],
    *[
        (_get(b"/list", host=b"Host: " + host), 400, CLOSED)
        for host in (
            *(b"a/b", b"a b", b"u@h", b"x:a", b":80", b"a:80:90", b"::1", b"[::1", b"[x]", b"[]"),
            *(
                b"a#b",
                b"a?b",
                b"a\\b",
                b"a%zz",
                b"a%",
                b"[::1]x",
                b"x\x0b",
                b"\xc3\xa9",
                b"x, y",
                b"<x>",
            ),
        )
    ],
    (_get(b"/list", b"Host: x"), 400, CLOSED),
    (_get(b"/list", b"host: y"), 400, CLOSED),
    (_get(b"/list", host=b""), 400, CLOSED),
    (_request(b"GET /list HTTP/1.0", host=b""), 200, CLOSED),
    (_request(b"GET /list HTTP/1.0", host=b"Host: a/b"), 400, CLOSED),
    *[
        (_get(b"/list", line), 400, CLOSED)
        for line in (
            *(b"no colon", b"A : b", b" A: b", b"\tA: b", b"A b: c", b": b", b"A\0: b", b"A: \0"),
            *(b"A: b\rc", b"A: b\nc", b"A: b\r", b"\xc3\xa9: b", b"A(: b", b"A\x0b: b", b"A/b: c"),
        )
    ],
    (_get(b"/list", b"A: \xe9\xff \x80", b"B:", b"c!#$%&'*+-.^_`|~9:d"), 200, KEPT),
    (_get(b"/list", b"Host : x"), 400, CLOSED),
    # 9110, 7.6.1; 9112, 9.3: all Connection lines count
    (_get(b"/list", b"Connection: close"), 200, CLOSED),
    (_get(b"/list", b"Connection: close", b"Connection: keep-alive"), 200, CLOSED),
    (_get(b"/list", b"Connection: keep-alive", b"Connection: close"), 200, CLOSED),
    (_get(b"/list", b"Connection: keep-alive, CLOSE"), 200, CLOSED),
    (_get(b"/list", b"Connection: close,x", b"Connection: y"), 200, CLOSED),
    (_get(b"/list", b"Connection: ,close\t"), 200, CLOSED),
    (_get(b"/list", b"Connection: closed"), 200, KEPT),
    (_get(b"/list", b"Connection: not-close"), 200, KEPT),
    (_request(b"GET /list HTTP/1.0", b"Connection: keep-alive"), 200, KEPT),
    (_request(b"GET /list HTTP/1.0", b"Connection: x", b"Connection: Keep-Alive"), 200, KEPT),
    (_request(b"GET /list HTTP/1.0", b"Connection: keep-alive, close"), 200, CLOSED),
    (_request(b"GET /list HTTP/1.0", b"Connection: keep-alive-not"), 200, CLOSED),
]

_NUMBERS = [
    *[
        (_get(b"/items/x?limit=" + text), 400, KEPT)
        for text in (
            *(
                b"1_0",
                b"%205%20",
                b"+5",
                b"%2B5",
                b"5.0",
                b"0x10",
                b"1e1",
                b"",
                b"-",
                b"--1",
                b"5%0A",
            ),
            *(b"\xd9\xa1", b"9" * 301, b"%0B5", b"0b1", b"0o7", b"1+0", b"a"),
        )
    ],
    *[
        (_get(b"/items/x?limit=" + text), 200, KEPT)
        for text in (b"0", b"-1", b"007", b"12345678901", b"9" * 100)
    ],
    (_get(b"/items/special/1_0/twice"), 400, KEPT),
    (_get(b"/items/special/%205/twice"), 400, KEPT),
    (_get(b"/items/special/-5/twice"), 200, KEPT),
    (_get(b"/items/special/" + b"1" * 3000 + b"/twice"), 400, KEPT),
    *[
        (_request(b"PUT /items/x?value=" + text + b" HTTP/1.1"), 400, KEPT)
        for text in (
            *(b"1_0", b"%205%20", b"+5", b"1_0.5", b"0x1p3", b"nan", b"inf", b"-inf", b"infinity"),
            *(b"1e999", b"-1e999", b"", b"e", b"1e", b"1%0A", b"1,5", b"\xd9\xa1", b"1j"),
            *(b"9" * 400,),
        )
    ],
    *[
        (_request(b"PUT /items/x?value=" + text + b" HTTP/1.1"), 201, KEPT)
        for text in (b"1", b"-1.5", b"1e3", b"1.5E-3", b"0.5", b"1e%2B3")
    ],
]

_BODIES = [
    (_json(b'{"tags":["a\xc3\xa9\xf0\x9f\x8c\xa1"]}'), 200, KEPT),
    (_json(rb'{"tags":["\u00e9\ud83d\ude00\\ud83d\"\/\b\f\n\r\t"]}'), 200, KEPT),
    *[
        (_json(b'{"tags":["' + text + b'"]}'), 400, KEPT)
        for text in (
            *(b"\xc0\xaf", b"\xed\xa0\xbd", b"\xff", b"\xe9", b"\xf4\x90\x80\x80", b"\xe0\x80\xaf"),
            *(b"\xf0\x8f\xbf\xbf", b"\xed\xbf\xbf", b"\xc3", b"\xed\xa0\xbd\xed\xb8\x80"),
            *(rb"\ud83d", rb"\uDE00", rb"\ud83dx\ude00", rb"\uD83D\u0041", rb"\uzzzz", rb"\u00g0"),
            *(rb"\u 123", rb"\u+123", rb"\u0x1", rb"\u1_2"),
        )
    ],
    # numbers that a float cannot hold, at any depth
    *[
        (_json(body), 400, KEPT)
        for body in (
            *(b'{"tags":[],"more":{"a":1e999}}', b'{"tags":[],"more":{"a":[{"b":-1e999}]}}'),
            *(b'{"tags":[],"more":{"a":[[1e400]]}}', b'{"tags":[1e999]}', b'{"tags":1e999}'),
            b'{"tags":[],"more":{"a":' + b"9" * 400 + b".5}}",
        )
    ],
    (_json(b'{"tags":[],"more":{"a":1e30,"b":[-1e-30]}}'), 200, KEPT),
    (_json(b'{"tags":[],"more":{1:2}}'), 400, KEPT),
    (_json(b'{"tags":[],"more":{"a":{null:2}}}'), 400, KEPT),
    (_json(b'{"tags":["a"]'), 400, KEPT),
    (_json(b'{"tags":["a"]}x'), 400, KEPT),
    (_json(b"{[1]:2}"), 400, KEPT),
    (_json(b'{"tags":tru}'), 400, KEPT),
    (_json(b"\0"), 400, KEPT),
    (_json(b'{"tags":5}'), 400, KEPT),
    (_json(b'{"tags":[],"note":' + b"7" * 16000 + b"}"), 400, KEPT),
    (_json(b'{"tags":[],"note":[' + b"1," * 8000 + b"1]}"), 400, KEPT),
    (_json(b'{"tags":' + b"7" * 16000 + b"}"), 400, KEPT),
    (_json(b'{"tags":[],"note":{"a":"' + b"x" * 16000 + b'"}}'), 400, KEPT),
    (_json(b'{"tags":[],"note":' + b"[" * 40 + b"]" * 40 + b"}"), 400, KEPT),
    (_get(b"/items/x?limit=" + b"x" * 3000), 400, KEPT),
    (
        _request(b"POST /tags?tags=[1e999] HTTP/1.1"),
        400,
        KEPT,
    ),
    (_request(b"POST /tags?tags=" + b"[" * 2000 + b" HTTP/1.1"), 400, KEPT),
    (_request(b'POST /tags?tags=["%5Cud83d"] HTTP/1.1'), 400, KEPT),
]


# MicroPython's JSON reader accepts these (docs/http.md): our own check would take 6 to 26 times as
# long as the reader. The list records what it accepts, so that a change is noticed.
_LENIENT = [
    (_json(body), 200, KEPT)
    for body in (
        *(b'{"tags" ["a"]}', b'{"tags":["a"],,}', b'{"tags":["a",]}', b'{,"tags":["a"]}'),
        *(b'{"tags":["a" "b"]}', b'{"tags":["a":"b"]}', b'{"tags":["a"} }', b'{"tags":["a"],1:2}'),
        *(b'{"tags":["a"],"more":{"b":01}}', b'{"tags":["a"],"more":{"b":1.}}'),
        *(
            rb'{"tags":["\x41"]}',
            rb'{"tags":["\q\U0041"]}',
            b'{"tags":["\n\x01"]}',
            b'{"tags":[]}\0',
        ),
    )
]


def _statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})[ \r]", answer)]


def _exchange(board: Running, data: bytes, step: int = 0) -> bytes:
    """Return the board's answer to ``data``, sent at once or ``step`` bytes at a time."""
    with board.connect("items") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # the board may close before all is sent
            for at in range(0, len(data), step or len(data)):
                sock.sendall(data[at : at + (step or len(data))])
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def _check(board: Running, data: bytes, status: int, kept: bool, step: int = 0) -> None:
    answer = _exchange(board, data + NEXT, step)
    assert _statuses(answer) == [status, 404] if kept else [status], (data, answer)
    if status >= 400:
        assert _error(answer), answer
    for c in range(32):
        assert c in (10, 13) or c not in answer, answer


def _error(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length, answer
    assert int(length[1]) < 5000
    text = json.loads(body[: int(length[1])])["error"]
    assert isinstance(text, str)
    return text


def _cases(*tables: list[tuple[bytes, int, bool]]) -> list[tuple[bytes, int, bool]]:
    return [case for table in tables for case in table]


@pytest.mark.parametrize(
    "table",
    [_FRAMING, _CHUNKS, _LINES, _TARGETS, _HEADERS, _NUMBERS, _BODIES, _LENIENT],
    ids=["framing", "chunks", "lines", "targets", "headers", "numbers", "bodies", "lenient"],
)
def test_each_request_and_the_next_one(
    board: Running, table: list[tuple[bytes, int, bool]]
) -> None:
    wrong = []
    for data, status, kept in table:
        try:
            _check(board, data, status, kept)
        except AssertionError as error:
            wrong.append(f"{data[:150]!r}, wanted {status} {'kept' if kept else 'closed'}: {error}")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize(
    ("data", "status", "kept"),
    [
        case
        for case in _cases(_FRAMING, _CHUNKS, _LINES, _TARGETS, _HEADERS)[::6]
        if len(case[0]) < 1000
    ],
)
def test_the_same_when_sent_byte_by_byte(
    board: Running, data: bytes, status: int, kept: bool
) -> None:
    _check(board, data, status, kept, step=1)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"tags":[],"note":%s}' % (b"7" * 299), "note: expected text, got a large number"),
        (b'{"tags":[],"note":-%s}' % (b"7" * 299), "note: expected text, got a large number"),
        (b'{"tags":[],"note":%s}' % (b"7" * 16000), "a number has more than 300 digits"),
        (b'{"tags":[],"note":[%s1]}' % (b"12345678," * 1700), "note: expected text, got ["),
        (b'{"tags":"%s"}' % (b"x" * 16000), "tags: expected a list, got 'xxx"),
        (b'{"tags":[],"note":{"%s":1}}' % (b"k" * 16000), "note: expected text, got {'kkk"),
        (b'{"tags":[],"note":%s1%s}' % (b"[" * 50, b"]" * 50), "note: expected text, got [[["),
        (b'{"tags":["%s",5]}' % (b"x" * 16000), "tags: expected list[str], got ['xxx"),
    ],
)
def test_a_message_shows_little_of_a_large_value(board: Running, body: bytes, error: str) -> None:
    text = _error(_exchange(board, _json(body)))
    assert text.startswith(error)
    assert len(text) < 130


def test_a_string_may_have_many_digits(board: Running) -> None:
    body = b'{"tags":[],"note":"\\"%s"}' % (b"1" * 3000)
    assert b"1" * 3000 in _exchange(board, _json(body))


def test_a_refused_request_is_not_remembered(board: Running) -> None:
    """A repeated head is parsed once, on the next connection too, unless it was wrong."""
    for data in (
        _get(b"/items/%zz"),
        _get(b""),
        _get(b"\n"),
        _get(b"/list", b"A b: c"),
        _get(b"*"),
    ):
        for _ in range(3):
            assert _statuses(_exchange(board, data)) == [400], data
            assert _statuses(_exchange(board, _get(b"/list"))) == [200]
    with board.client("items") as client:
        for name in ("a", "b", "b", "a", "a"):
            assert client.get(f"/items/{name}?limit=5").json() == {"name": name, "limit": 5}
            assert client.get(f"/items/{name}").json() == {"name": name, "limit": 10}


def test_a_segment_may_begin_with_a_slash(board: Running) -> None:
    with board.client("items") as client:
        for segment, name in (
            ("%2Fa", "/a"),
            ("%2FGET", "/GET"),
            ("a%2F%2Fb", "a//b"),
            ("%2F", "/"),
        ):
            assert client.get(f"/items/{segment}").json()["name"] == name


def test_tls_on_a_plain_port_is_closed_at_once(board: Running) -> None:
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="shed")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    # Held for ten seconds, it would be answered with a 408.
    assert board.exchange("items", out.read()) == b""


def _expecting(line: bytes, *headers: bytes) -> bytes:
    return _request(line, b"Expect: 100-continue", b"Content-Length: 11", JSON, *headers)


def test_no_100_continue_for_http_1_0(board: Running) -> None:
    data = _expecting(b"PUT /items/x HTTP/1.0")
    with board.connect("items") as sock:
        sock.sendall(data)
        time.sleep(0.2)  # the body has not arrived when the board has read the head
        sock.sendall(b'{"value":2}')
        assert _statuses(read_all(sock)) == [201]


@pytest.mark.parametrize(
    ("service", "line", "status"),
    [
        ("items", b"PUT /nowhere HTTP/1.1", 404),
        ("items", b"POST /items/x HTTP/1.1", 405),
        ("items", b"PUT /items/%2FGET/x HTTP/1.1", 404),
        ("broken", b"PUT /state HTTP/1.1", 503),
    ],
)
def test_a_body_without_a_handler_is_not_requested(
    board: Running, service: str, line: bytes, status: int
) -> None:
    # The body is not sent, and this side does not close the connection.
    assert _statuses(board.exchange(service, _expecting(line))) == [status]


def test_received_requests_are_answered_before_a_newcomer_gets_the_slot(
    board: Running,
) -> None:
    # Fewer bytes than the board reads at a time, so all have arrived when the first is answered.
    pipelined = _get(b"/wait") + b"".join(_get(b"/busy/%d" % i) for i in range(20))
    assert len(pipelined) < 1000
    stop = threading.Event()

    def come_again() -> None:
        while not stop.is_set():
            board.exchange("items", _get(b"/list", b"Connection: close"))

    with contextlib.ExitStack() as open_sockets:
        sock = open_sockets.enter_context(board.connect("items"))
        sock.sendall(pipelined)
        time.sleep(0.5)  # so that the others are being served longer than this one
        others = [open_sockets.enter_context(board.connect("items")) for _ in range(3)]
        for other in others:
            other.sendall(_get(b"/wait"))
        newcomers = [threading.Thread(target=come_again) for _ in range(3)]
        for newcomer in newcomers:
            newcomer.start()
        try:
            answer = b""
            while answer.count(b"HTTP/1.1 200 OK") < 21:
                part = sock.recv(65536)
                assert part, f"closed after {answer.count(b'HTTP/1.1 ')} of 21 answers"
                answer += part
        finally:
            stop.set()
            for newcomer in newcomers:
                newcomer.join()
    assert [int(n) for n in re.findall(rb"\r\n\r\n(\d+)", answer)] == list(range(20))
