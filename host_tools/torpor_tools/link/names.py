"""Gives names that only the runtime's own code uses the names that every firmware has already.

On a board each name that its firmware does not know is a string in the heap, with an entry in the
table of names. A private name of the runtime, ``_look_at_connections``, means something to readers
of its source only: in an image it becomes one of ``FREE``, which lie in the chip's ROM, and takes
nothing. No code of the image uses a name of ``FREE``, so a clash is impossible.

Which name becomes which depends on the runtime alone, not on the cluster: a service that changes
does not change the runtime's files, and the host can translate a traceback of any board back. Only
a name that something else in the image mentions stays what it is.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from .. import paths
from .module import Module

# Constants of uctypes, framebuf, math and the like that neither the runtime nor a service of any
# kind is likely to use. Looked up with micropython.qstr_info() in RPI_PICO_W 1.27.0 and the Unix
# port 1.29, and searched for in ESP32_GENERIC, _C3 and _S3 1.27.0. No built-in function, no
# exception, and nothing that MicroPython itself looks up in an object.
_FREE = """
    ARRAY AUTO BFINT16 BFINT32 BFINT8 BFUINT16 BFUINT32 BFUINT8 BF_LEN BF_POS BIG_ENDIAN
    CERT_NONE CERT_OPTIONAL DeflateIO Done EALREADY EBADF ECONNABORTED ECONNREFUSED
    ECONNRESET EEXIST EINVAL EISDIR ENOBUFS ENODEV ENOMEM ENOTCONN EOPNOTSUPP EPERM FLOAT32
    FLOAT64 FileIO FrameBuffer FrameBuffer1 GS2_HMSB GS4_HMSB GS8 GZIP IOQueue
    IP_ADD_MEMBERSHIP LITTLE_ENDIAN LockType MBEDTLS_VERSION MONO_HLSB MONO_HMSB MONO_VLSB
    MSG_DONTWAIT MSG_PEEK MVLSB NATIVE PROTOCOL_DTLS_CLIENT PROTOCOL_DTLS_SERVER
    PROTOCOL_TLS_SERVER PTR RGB565 RingIO SOCK_RAW SO_BROADCAST SSLSocket SingletonGenerator
    TextIOWrapper UINT UINT64 ULONG ULONGLONG USHORT VOID VfsFat ZLIB abs_tol acos acosh
    acquire allocate_lock allowed_mip_url_prefixes appendleft asin asinh atan atan2 atanh
    awritestr blit bound_method bytearray_at byteorder calcsize call_exception_handler
    cert_reqs cipher client_id closure cmath cryptolib default_exception_handler deflate
    dict_view do_handshake ellipse encrypt erf erfc errorcode exc_type expm1 fabs fill_rect
    fmod framebuf frexp get_ciphers get_exception_handler get_ident heap_lock heap_unlock
    heapify heappop heappush heapq hline imag indices intersection intersection_update
    isclose isdisjoint isinf islower isnan isspace issubset issuperset isupper keepends
    ldexp lgamma libc_ver load_cert_chain log2 lookahead makefile maxsize mem16 mem8
    mem_info modf opt_level out_buf pack_into package_json_url parse_headers pend_throw
    polar poly ps1 ps2 ptr ptr16 ptr32 ptr8 python_compiler radians recv_into recvfrom
    rel_tol requesting rfind rindex runq_len scroll sendto server_side set_ciphers sgen
    short_hash sizeof stack_size stack_use start_new_thread stream_awrite
    symmetric_difference symmetric_difference_update sz tau time_pulse_us trunc usys
    verify_callback vline waitq_len
"""
FREE = tuple(_FREE.split())
# Of the runtime's private names those that a firmware above has too: they may be its own, as
# sys.implementation._machine is; and what starts a board's services from its prompt.
_FIRMWARE = "_boot _find _io_queue _key _machine _offset _run _serve _start _task_queue"
KEPT = {*_FIRMWARE.split(), "_load"}

_WORD = re.compile(r"[^\W\d]\w*")
_PRIVATE = re.compile(r"_[^_]\w*")


def with_free_names(modules: Iterable[Module], start: Iterable[Module] = ()) -> list[Module]:
    """The modules of an image, in which private names of the runtime take no room.

    ``start``: what starts the chip, whose names stay. Every line keeps its number.
    """
    every = list(modules)
    taken: set[str] = set()
    for module in (*every, *start):
        taken.update(module.name.split("."))
        taken.update(_strings(module.source) if _is_ours(module) else _words(module.source))
    names = {n: free for n, free in free_names().items() if not {n, free} & taken}
    return [replace(m, source=_renamed(m.source, names)) if _is_ours(m) else m for m in every]


def free_names() -> Mapping[str, str]:
    """Private name of the runtime -> what it is called in an image that mentions neither."""
    return _table(paths.firmware_dir())


@lru_cache(maxsize=2)
def _table(firmware: Path) -> Mapping[str, str]:
    files = sorted([*(firmware / "torpor").rglob("*.py"), *(firmware / "ports").glob("*.py")])
    used: set[str] = set()
    stay = set(KEPT)
    for file in files:
        source = file.read_text(encoding="utf-8")
        used |= {token.string for token in _names(source)}
        stay |= _strings(source) | set(_with_meaning(ast.parse(source)))
    private = {name for name in used if _PRIVATE.fullmatch(name)} - stay
    free = [name for name in FREE if name not in used | stay]
    # The longest first, for there are more names than free ones.
    return dict(zip(sorted(private, key=lambda name: (-len(name), name)), free, strict=False))


def _is_ours(module: Module) -> bool:
    """Whether the names in a module are ours to choose."""
    package = module.name.partition(".")[0]
    return module.part == "wiring" or (module.part == "runtime" and package == "torpor")


def _with_meaning(tree: ast.AST) -> Iterator[str]:
    """Names that say more than who is meant: constants, which mpy-cross takes out by their
    underscore, and classes, whose names are shown and told to callers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("const("):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _strings(source: str) -> set[str]:
    """The words in a module's strings, which may be looked up: not those in docstrings.

    What stands in an f-string counts as a string: Python 3.11 does not give its tokens.
    """
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.JoinedStr):
            found |= _words(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value
            found |= _words(value if isinstance(value, str) else value.decode("latin-1"))
        todo += ast.iter_child_nodes(node)
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def _names(source: str) -> Iterator[tokenize.TokenInfo]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token


def _renamed(source: str, names: Mapping[str, str]) -> str:
    lines = source.split("\n")
    for token in reversed(list(_names(source))):
        if new := names.get(token.string):
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + new + line[column + len(token.string) :]
    return "\n".join(lines)
