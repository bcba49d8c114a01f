"""A call to a board that sleeps, from its caller's side: docs/wire.md, "Through the mailbox".

No I/O. ``firmware/torpor/mqtt/serve.py`` is the board's side.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from . import sign
from .rpc import BYTES, FAULT, REFUSED, TUPLE, VALUE, CallError, encode_call

_HELD = b"held "  # a board that is awake asks for the call


class ForgedError(Exception):
    """An answer that is not signed with the cluster's key."""


class SealedCall:
    """A call of a tool of a board.

    Args:
        base: The first levels of the cluster's topics, ``torpor/<cluster>``.
        board: The name of the board.
        caller: The name of the caller, below which the answer is published.
        keys: The cluster's keys.
        tool: The name of the tool.
        arguments: Its arguments.
        deadline_ms: How long the board may work on the call, in ms.

    Attributes:
        id: The id of the call.
        seals: How often it has been sealed for the board.
    """

    def __init__(
        self,
        base: str,
        board: str,
        caller: str,
        keys: Sequence[bytes],
        tool: str,
        arguments: Mapping[str, Any],
        deadline_ms: int,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.seals = 0
        self._caller = caller
        self._board = board
        self._reply = f"{base}/answers/{caller}/{board}/{self.id}"
        self._keys = keys
        self._frame = encode_call(0, deadline_ms, "0", f".{tool}", arguments)
        self._used: set[str] = set()  # nonces
        self._codes: list[sign.Mac] = []

    def note(self, *, held: bool = True) -> bytes:
        """Return the message that waits for the board; not ``held``: the call has ended."""
        return note(self._reply, self.id, held=held)

    def seal(self, greeting: bytes) -> bytes | None:
        """Return the call for a board that has greeted; None if it has this call already.

        Raises:
            CallError: The board knows none of the keys.
        """
        nonce, *names = greeting.decode().split()[1:]
        if nonce in self._used:
            return None
        for key in self._keys:
            name = sign.key_name(key)
            if name in names:
                calls, answers = sign.pair(key, self._caller, self._board, self.id, nonce)
                self._used.add(nonce)
                self._codes.append(answers)
                self.seals += 1
                head = {"id": self.id, "reply": self._reply, "service": "~", "safe": 1}
                head |= {"from": self._caller, "key": name}
                return json.dumps(head).encode() + b"\n" + calls.seal(self._frame)
        raise CallError(401, "it knows none of the keys in secrets.toml", REFUSED)

    def result(self, payload: bytes) -> Any:
        """Return the result in an answer.

        Raises:
            CallError: The call has ended in an error.
            ForgedError: The answer is not genuine.
        """
        if len(payload) <= sign.CODE or not any(code.check(payload) for code in self._codes):
            raise ForgedError
        head, _, body = payload[: -sign.CODE].partition(b"\r\n\r\n")
        status = int(head[9:12])
        if head[13:14] != b"~":  # the mailbox itself refuses the call
            raise CallError(status, str(json.loads(body)["error"]), FAULT)
        kind = int(head[14:15])
        if kind == BYTES:
            return body
        value = json.loads(body)
        if kind in (VALUE, TUPLE):
            return tuple(value) if kind == TUPLE else value
        message = value if isinstance(value, str) else value[1 if kind == REFUSED else 0]
        raise CallError(status, str(message), kind)


def is_greeting(payload: bytes) -> bool:
    """Return whether a board asks for a call with this message."""
    return payload.startswith(_HELD)


def note(reply: str, id: str, *, held: bool) -> bytes:
    """Return the line of a call that its caller holds (``held``), or has ended."""
    line = {"id": id, "reply": reply, "service": "~", "held": int(held)}
    return json.dumps(line).encode() + b"\n"
