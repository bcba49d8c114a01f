"""Run pytest like ``python -m pytest``, in forks of one process that has already linked an image.

A run needs two seconds of processor time, nearly all for imports and for linking the same runtime
again. A fork saves both. It is a separate process like any run, with its own folder, environment
and output.

The process reads one JSON object per line: ``arguments``, ``folder``, ``environment`` and
``output``, a file. It answers with the fork's process id, and then with its status.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ != "__main__":
    from tests.helpers.ending import ENDS_WITH_US

_SERVICE = """
from torpor import Event, Service, get


class Knock(Event):
    at: int


class Hello(Service):
    @get("/hello")
    async def greet(self, name: str = "you") -> dict:
        await self.publish(Knock(at=1))
        return {"hello": name}
"""
_CLUSTER = '[cluster]\nname = "test"\n[boards.box]\ntype = "RPI_PICO_W"\nservices = ["hello"]\n'
# A run that loads the plugin itself does not give this warning.
_QUIET = ("-W", "ignore:Module already imported so cannot be rewritten")
_PORT = "[services.hello]\nport = 8001\n"


class ForkedPytest:
    """The process that forks. It ends with this one."""

    def __init__(self) -> None:
        command = [*ENDS_WITH_US, sys.executable, __file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
    ) -> tuple[int, str]:
        """Run pytest in ``folder``; return its status and output.

        Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds.
        """
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
            order = {
                "arguments": list(arguments),
                "folder": str(folder),
                "environment": dict(environment),
                "output": output.name,
                "timeout": timeout,
            }
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            status = json.loads(self._process.stdout.readline())
            if status is None:
                raise subprocess.TimeoutExpired(["pytest", *arguments], timeout, output.read())
            return status, output.read()


def _warm() -> None:
    """Link an image, which imports, parses and compiles what every run needs."""
    import anyio._backends._asyncio  # noqa: F401, what its plugin needs
    import pytest  # noqa: F401

    from torpor_tools.pytest_plugin.image import link

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "services" / "hello").mkdir(parents=True)
        (root / "services" / "hello" / "__init__.py").write_text(_SERVICE)
        (root / "cluster.toml").write_text(_CLUSTER + _PORT)
        link(root, "hello")
    gc.freeze()  # otherwise pytest's collections scan all of it in each fork


def _serve() -> dict[str, Any]:
    """Return an order in a fork that carries it out; end when the input ends."""
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            return order
        print(json.dumps(_status(pid, order["timeout"])), flush=True)
    sys.exit()


def _status(pid: int, timeout: float) -> int | None:
    """Return a fork's exit code, or None if it was killed after ``timeout`` seconds."""
    import signal
    import threading

    late = threading.Timer(timeout, os.kill, (pid, signal.SIGKILL))
    late.start()
    _, status = os.waitpid(pid, 0)
    late.cancel()
    late.join()
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGKILL else code


def _execute(order: dict[str, Any]) -> int:
    with open(os.devnull) as silence, open(order["output"], "w") as output:
        os.dup2(silence.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]  # as with -m
    sys.argv = ["pytest", *_QUIET, *order["arguments"]]

    import pytest

    return int(pytest.main())


if __name__ == "__main__":
    _warm()
    sys.exit(_execute(_serve()))
