"""MicroPython never frees a name that it has made, so no input of a client becomes a name.

It makes a name of each character that ``chr`` returns and that a loop over a str yields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.helpers.running import Running, running, write_cluster

TEXTS = """
from typing import Any

import micropython
from torpor import Service, get, post


class Texts(Service):
    async def start(self) -> None:
        self._rows = self.store.table("rows")

    @get("/names/<mark>")
    async def names(self, mark: str) -> str:
        micropython.qstr_info()
        self.log.info("counted %s", mark)
        return mark

    @post("/texts/<name>")
    async def keep(self, name: str, value: dict[str, Any], tag: str = "") -> dict[str, Any]:
        await self._rows.put(name, value)
        return {"name": name, "tag": tag, "row": await self._rows.get(name)}
"""
WEB = """
from microdot import Microdot
from torpor import Service

app = Microdot()


@app.post("/echo/<text>")
async def echo(request, text):
    return {"text": text, "args": request.args["q"], "json": request.json}


class Web(Service):
    app = app
"""
_WARM = 3  # requests after which everything that answers them has been loaded


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_cluster(tmp_path_factory.mktemp("cluster"), {"texts": TEXTS, "web": WEB})
    with running(root, types=False) as run:
        yield run


def _text(number: int) -> str:
    """Return four characters of two, three and four bytes, different for each number."""
    return chr(0x100 + number) + chr(0x4E00 + number) + chr(0x1F000 + number) * 2


def _names(run: Running, client: httpx.Client, mark: str) -> int:
    assert client.get(f"/names/{mark}").status_code == 200
    run.wait_log("box", f"counted {mark}")
    counts = re.findall(r"n_qstr=(\d+)", run.log_text("box"))
    return int(counts[-1])


def _to_a_route(client: httpx.Client, text: str) -> None:
    body = json.dumps({"value": {text: [text]}})  # in pairs of escapes, which CPython writes
    response = client.post(
        f"/texts/{quote(text)}?tag={quote(text)}&{quote(text)}=1",
        content=body,
        headers={"Content-Type": "application/json", "X-Text": quote(text)},
    )
    assert response.json() == {"name": text, "tag": text, "row": {text: [text]}}


def _half_a_pair(client: httpx.Client, text: str) -> None:
    half = f"\\ud{0x800 + ord(text[0]):03x}"
    body = f'{{"value": {{"{text}": "{half}"}}}}'
    headers = {"Content-Type": "application/json"}
    assert client.post("/texts/x", content=body.encode(), headers=headers).status_code == 400


def _to_an_application(client: httpx.Client, text: str) -> None:
    response = client.post(f"/echo/{quote(text)}?q={quote(text)}", json={text: [text]})
    assert response.json() == {"text": quote(text), "args": text, "json": {text: [text]}}


@pytest.mark.parametrize(
    ("service", "send"),
    [("texts", _to_a_route), ("texts", _half_a_pair), ("web", _to_an_application)],
)
def test_no_client_makes_a_name(
    board: Running, service: str, send: Callable[[httpx.Client, str], None]
) -> None:
    with board.client(service) as client, board.client("texts") as texts:
        for number in range(_WARM):
            send(client, _text(number))
        before = _names(board, texts, send.__name__ + "_before")
        for number in range(_WARM, 60):
            send(client, _text(number))
        assert _names(board, texts, send.__name__ + "_after") <= before + 2  # the marks' names
