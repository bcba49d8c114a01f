"""Records of faults that survive a reset, for ``torpor crashes``. See docs/crashes.md.

A record is a file in ``/.crashes``: a line of JSON, and below it the end of the log. The newest
record replaces the oldest of eight. LittleFS replaces a file when it is closed, so a record costs
one write, and a power cut during that write leaves the older record. A fault that the same image
has already recorded is not written again, unless it has ended the run of the board.

Everything here is loaded when something fails, and at the start.
"""

import asyncio
import json
import os
from binascii import hexlify
from hashlib import sha256

from micropython import const

from . import clock, log, loop, port
from .cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel

FOLDER = "/.crashes"
_RECORDS = const(8)
_MOST = const(8)  # records that one run writes, besides the record of its end
_TRACE = const(1000)  # characters of a traceback's frames
_MESSAGE = const(300)  # characters of the message below them
_LOOP = const(3)  # crashes in a row that lead to safe mode
_YOUNG_MS = const(60000)
_SERVICE = const(0x3FFE000)  # the bits of a breadcrumb that stand for a service
_DEAD = const(1)  # the breadcrumb of a kernel that has itself recorded its end


@cold
def begin(kernel: "Kernel") -> None:
    """Record how the last run ended, and decide whether this one is in safe mode."""
    from .port import hung

    log.faults = []
    try:
        crumb = hung()
        port.crumb(0)
        if crumb >= 0 and crumb != _DEAD:
            record_hang(kernel, crumb)
        if _judge(kernel):
            asyncio.create_task(_settle())
    except Exception as e:
        log.Log("kernel").exception(e, "cannot read the records of crashes")
    if kernel.safe:
        log.Log("kernel").error("SAFE MODE: %s. See: torpor crashes", kernel.safe[""])
        log.Log("kernel").error("A new image or torpor reset --normal ends it")


@cold
def record_hang(kernel: "Kernel", crumb: int, build: str = "") -> None:
    """Record a reset by the watchdog.

    Args:
        kernel: That of this run.
        crumb: The breadcrumb of what began last.
        build: The build id of the image that hung, if it is not this one.
    """
    service = _service_of(crumb, kernel.cluster.SERVICES)
    doing = ("", "request", "call", "job", "start", "task", "", "")[crumb >> 26 & 7]
    log.Log("kernel").error(
        "the watchdog has reset the board; what began last: a %s of %s",
        doing or "piece of work",
        service or "the runtime",
    )
    head = _head("watchdog", service, doing, "", -1, crumb)
    if build:
        head["build"] = build
        head["reset"] = "watchdog"
    _write(head, b"")


@cold
def record(number: int, kind: str, name: str, doing: str, frames: str, message: str) -> None:
    """Record a fault that was logged.

    Args:
        number: Of the fault, as ``log`` counts it.
        kind: One or two words for the kind of fault.
        name: Who logged it.
        doing: The line of the log.
        frames: The lines of the traceback, without those of the message.
        message: The lines of the message.
    """
    ended = kind == "kernel died"
    if not ended and log.recorded >= _MOST:
        return
    doing = doing.split("?")[0]  # a query may hold a secret
    if len(frames) > _TRACE:  # the innermost are at the end
        frames = frames[frames.find("\n", len(frames) - _TRACE) :]
    trace = "%s\n%s" % (frames, message[:_MESSAGE])
    head = _head(kind, _service(name, frames), doing[:_MESSAGE], trace, clock.uptime_ms(), 0)
    head["key"] = number
    if not ended and _is_known(head):
        return
    log.recorded += 1
    try:
        text = _without_secrets(log.since(0)[2])
    except MemoryError:
        text = b""
    _write(head, text)
    if ended:
        port.crumb(_DEAD)


def _service_of(crumb: int, services: "tuple[str, ...]") -> str:
    for name in services:
        if log.crumb_of(0, name, "") == crumb & _SERVICE:
            return name
    return ""


def _service(name: str, trace: str) -> str:
    """Return the service whose code failed: the innermost frame's, else the one that logs it."""
    at = trace.rfind('File "services/')
    return trace[at + 15 :].split("/", 1)[0].split(".", 1)[0] if at >= 0 else name


def _head(kind: str, service: str, doing: str, trace: str, uptime: int, crumb: int) -> dict:
    return {
        "kind": kind,
        "service": service,
        "doing": doing,
        "trace": trace,
        "crumb": crumb,
        "uptime": uptime,
        "at": clock.now() if clock.synced() else None,
        "free": port.mem_free(),
        "reset": port.reset_cause(),
        "build": build_id(),
        "key": 0,
        "streak": 0,
    }


@cold
def build_id() -> str:
    """Return the image's build id: a hash of its list of checksums, as for updates."""
    try:
        digest = sha256()
        with open("/image.txt", "rb") as file:
            while True:
                part = file.read(256)
                if not part:
                    return str(hexlify(digest.digest()[:8]), "utf-8")
                digest.update(part)
    except OSError:
        return ""


def _is_known(head: dict) -> bool:
    """Return whether the same fault of the same image has a record."""
    same = ("key", "kind", "build")
    for other in read_heads():
        if all(other[key] == head[key] for key in same):
            return True
    return False


@cold
def read_heads() -> list:
    """Return the records' lines of JSON, without the logs."""
    heads: list = []
    try:
        names = os.listdir(FOLDER)
    except OSError:
        return heads
    for name in names:
        if name == "settled":
            continue
        try:
            with open(FOLDER + "/" + name, "rb") as file:
                heads.append(json.loads(file.readline()))
        except (OSError, ValueError):
            pass  # cut off by a power cut, while this file was written for the first time
    return heads


@cold
def path(n: int) -> str:
    return "%s/%d" % (FOLDER, n % _RECORDS)


def _write(head: dict, text: bytes) -> None:
    """Write a record over the oldest one, or keep it in memory if the flash is full."""
    heads = read_heads()
    head["n"] = max([0] + [other["n"] for other in heads]) + 1
    if head["kind"] in ("kernel died", "watchdog") and head["build"] == build_id():
        last = _last_end(heads)
        young = head["uptime"] < _YOUNG_MS  # -1 after a watchdog: not known
        head["streak"] = (last["streak"] if last else 0) + 1 if young else 0
    try:
        if not heads:
            _make_folder()
        with open(path(head["n"]), "wb") as file:
            file.write(json.dumps(head).encode())
            file.write(b"\n")
            file.write(text)
    except OSError:
        log.unsaved = head


def _make_folder() -> None:
    try:
        os.mkdir(FOLDER)
    except OSError:
        pass  # it exists


def _last_end(heads: list) -> "dict | None":
    """Return the record of the newest run that crashed, if no run has lasted a minute since."""
    try:
        with open(FOLDER + "/settled") as file:
            settled = int(file.read())
    except (OSError, ValueError):
        settled = 0
    build = build_id()
    last = None
    for head in heads:
        if head["streak"] and head["n"] > settled and head["build"] == build:
            if last is None or head["n"] > last["n"]:
                last = head
    return last


def _judge(kernel: "Kernel") -> bool:
    """Set ``kernel.safe`` after three crashes in a row: service -> why it must not run.

    Return whether there were one or two; a run of a minute clears them.
    """
    heads = read_heads()
    last = _last_end(heads)
    if not last or last["streak"] < _LOOP:
        return last is not None
    kernel.safe = {"": "the board crashed %d times in a row soon after its start" % last["streak"]}
    for head in heads:
        if head["streak"] and head["build"] == last["build"] and head["service"]:
            kernel.safe[head["service"]] = "it crashed the board (%s)" % head["kind"]
    return False


async def _settle() -> None:
    """Wait for a minute, and then clear the number of crashes in a row."""
    await loop.pause(_YOUNG_MS)
    mark_settled(read_heads())


@cold
def mark_settled(heads: list) -> None:
    _make_folder()
    with open(FOLDER + "/settled", "w") as file:
        file.write(str(max([0] + [head["n"] for head in heads])))


def _without_secrets(text: bytes) -> bytes:
    """Remove the queries of requests, and all values of secrets.json."""
    parts = text.split(b"?")
    for i in range(1, len(parts)):
        part = parts[i]
        end = 0
        while end < len(part) and part[end] > 32:
            end += 1
        parts[i] = part[end:]
    text = b"?".join(parts)
    from .secrets import read_all

    for secret in _texts(read_all()):
        text = text.replace(secret.encode(), b"(secret)")
    return text


def _texts(value) -> list:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) and len(value) > 3 else []
