"""Clusters of several boards, for tests of the calls between them."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.helpers.running import Running
from torpor_tools.client import rpc, sign

KEY = bytes(range(32))


def write_boards(
    root: Path,
    services: dict[str, str],
    boards: dict[str, list[str]],
    *,
    keys: tuple[bytes, ...] = (KEY,),
    deadline_ms: int = 5000,
    types: dict[str, str] | None = None,
) -> Path:
    """Write a cluster: service -> source of its ``__init__.py``, board -> its services.

    ``types``: board -> type, for boards that are not a Pico W.
    """
    lines = ["[cluster]", 'name = "test"', f"deadline_ms = {deadline_ms}"]
    for name, placed in boards.items():
        kind = (types or {}).get(name, "RPI_PICO_W")
        lines += ["", f"[boards.{name}]", f'type = "{kind}"']
        lines.append(f"services = {placed}".replace("'", '"'))
    for port, (name, source) in enumerate(services.items(), 8001):
        lines += ["", f"[services.{name}]", f"port = {port}"]
        folder = root / "services" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text(source)
    (root / "cluster.toml").write_text("\n".join(lines) + "\n")
    write_keys(root, *keys)
    return root


def write_keys(root: Path, *keys: bytes) -> None:
    listed = ", ".join(f'"{key.hex()}"' for key in keys)
    (root / "secrets.toml").write_text(f"[cluster]\nkeys = [{listed}]\n")


class Caller:
    """A connection of a caller to a board, on which a test can send any bytes."""

    def __init__(
        self, run: Running, service: str, board: str, key: bytes = KEY, name: str = "host"
    ) -> None:
        self.sock = run.connect(service)
        self.ours = sign.nonce()
        self.sock.sendall(rpc.hello(board, name, sign.key_name(key), self.ours))
        self.head = read_head(self.sock)
        self.status = int(self.head.split(b" ")[1])
        if self.status == 101:
            self.theirs = self.head.decode().split("Torpor-Nonce: ")[1].split("\r\n")[0]
            self.calls, self.answers = sign.pair(key, name, board, self.ours, self.theirs)

    def answer(self) -> tuple[int, int, int, bytes]:
        """Return number, status, kind and body of the next response, after checking its tag."""
        frame = rpc.read_frame(self.sock)
        assert self.answers.check(frame)
        number = int.from_bytes(frame[4:8])
        status = int.from_bytes(frame[8:10])
        return number, status, int.from_bytes(frame[10:12]), frame[12 : -sign.CODE]

    def send(self, number: int, target: str, arguments: list[object], mark: str = "0") -> None:
        frame = rpc.encode_call(number, 5000, mark, target, arguments)
        self.sock.sendall(self.calls.seal(frame))

    def close(self) -> None:
        self.sock.close()


def read_head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = sock.recv(1)
        if not part:
            break
        head += part
    return head
