"""The mip packages of docs/parts.md, installed by MicroPython's own mip into an empty folder."""

from __future__ import annotations

import http.client
import json
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.helpers.brokers import LOGIN, Broker, free_port

ROOT = Path(__file__).parents[2]
MICROPYTHON = Path(sys.executable).with_name("micropython")
PACKAGES = runpy.run_path(str(ROOT / "scripts" / "mip_packages.py"))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """Serve ``firmware/`` as GitHub does."""
    handler = partial(Quiet, directory=str(ROOT / "firmware"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield serving.server_port
        serving.shutdown()


def install(part: str, port: int, folder: Path) -> None:
    address = f"http://127.0.0.1:{port}/torpor-{part}.json"
    code = f"import mip; mip.install({address!r}, target={str(folder)!r}, mpy=False)"
    done = subprocess.run(
        [MICROPYTHON, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert "Done" in done.stdout, done.stdout


def example(heading: str, **changes: str) -> str:
    """Return the code of a section of docs/parts.md, with values of this test in it."""
    section = (ROOT / "docs" / "parts.md").read_text().split(f"\n## {heading}\n")[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    code = found[1]
    for old, new in changes.items():
        assert old in code
        code = code.replace(old, new)
    return code


@contextmanager
def running(folder: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """Run an example that does not end, with only the package on the import path."""
    (folder / "main.py").write_text(code)
    process = subprocess.Popen(
        [MICROPYTHON, "main.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"MICROPYPATH": f"{folder}:.frozen"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("part", PACKAGES["PARTS"])
def test_the_package_lists_the_imports_of_its_part(part: str) -> None:
    package = PACKAGES["package"](part)
    remedy = "run python scripts/mip_packages.py"
    assert PACKAGES["path_of"](part).read_text() == package, remedy


@pytest.mark.parametrize("part", PACKAGES["PARTS"])
def test_the_page_states_the_size_of_each_package(part: str) -> None:
    row = re.search(
        rf"`torpor-{part}.json` \| (\d+) files, (\d+) kB", (ROOT / "docs/parts.md").read_text()
    )
    assert row
    files = [ROOT / "firmware" / name for name, _ in json.loads(PACKAGES["package"](part))["urls"]]
    assert int(row[1]) == pytest.approx(len(files), abs=2)
    assert int(row[2]) == pytest.approx(sum(f.stat().st_size for f in files) / 1000, rel=0.1)


def test_the_listener_serves(server: int, tmp_path: Path) -> None:
    install("http", server, tmp_path)
    port = free_port()
    with running(tmp_path, example("HTTP listener", **{"8080": str(port)})) as process:
        client = _connected(port, process)
        for path, status, body in (
            ("/hello/world", 200, {"hello": "world"}),
            ("/hello/nobody", 404, {"error": "there is nobody to greet"}),
            ("/other", 404, None),
        ):
            client.request("GET", path)
            response = client.getresponse()
            answer = response.read()
            assert response.status == status
            assert body is None or json.loads(answer) == body
        client.request("POST", "/hello/world", body=b"x" * 20000)
        assert client.getresponse().status == 413


HANDLERS = """
async def show(request):
    return [request.verb, request.path, str(request.query), b"host:" in request.headers.lower()]


async def swap(request):
    return request.body, 202


async def nothing(request):
    pass


routes = {"": {"/GET": show, "/POST": swap, "/DELETE": nothing}}
"""


def test_a_handler_receives_and_returns_values_as_documented(server: int, tmp_path: Path) -> None:
    install("http", server, tmp_path)
    port = free_port()
    code = example("HTTP listener", **{"8080": str(port)})
    code = re.sub(r"routes = .*", lambda _: HANDLERS, code)
    with running(tmp_path, code) as process:
        client = _connected(port, process)
        shown = []
        for verb, path, body in (
            ("GET", "/?a=1", None),
            ("POST", "/", b"x"),
            ("DELETE", "/", None),
        ):
            client.request(verb, path, body=body)
            response = client.getresponse()
            shown.append((response.status, response.read()))
    seen = b"""["GET",[""],"b'a=1'",true]"""
    assert shown == [(200, seen), (202, b"x"), (204, b"")]


def _connected(port: int, process: subprocess.Popen[str]) -> http.client.HTTPConnection:
    """Connect to a server that is starting."""
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            client.connect()
        except ConnectionRefusedError:
            assert process.poll() is None, process.stdout and process.stdout.read()
            time.sleep(0.02)
        else:
            return client


def test_the_store_keeps_rows_over_a_restart(server: int, tmp_path: Path) -> None:
    install("store", server, tmp_path)
    code = example("Store")
    for key in (1, 2):
        with running(tmp_path, code) as process:
            output = process.communicate(timeout=60)[0]
            row = "{'text': 'milk'}"
            assert output.splitlines() == [f"{key} {row} {key}", f"{key} {row}"]


def test_the_client_receives_what_is_published(server: int, tmp_path: Path) -> None:
    install("mqtt", server, tmp_path)
    broker = Broker("nats", tmp_path / "broker")
    broker.start()
    code = example(
        "MQTT client",
        **{
            "broker.local": "127.0.0.1",
            "1883": str(broker.port),
            '"user", "password"': f'"{LOGIN["user"]}", "{LOGIN["password"]}"',
            "    while True:": "    client.send(mqtt.publish(client.next(), "
            '"shelf/orders", b"two jars", False))\n    while True:',
        },
    )
    try:
        with running(tmp_path, code) as process:
            assert process.stdout
            assert process.stdout.readline() == "shelf/orders b'two jars'\n"
    finally:
        broker.stop()
