"""A call in a test whose ``await`` was forgotten is an error: the test would pass untested."""

from __future__ import annotations

import ast

import pytest

from torpor_tools.pytest_plugin.unawaited import unawaited

from .conftest import Project
from .test_running import HELLO

HEAD = """
async def made(start):
    return await start()


async def kept(start):
    service = await start()
    yield service


async def test(start, client, socket_client, clock, events, board, made, kept):
    service = await start()
    rows = []
    {line}
"""


@pytest.mark.parametrize(
    "line",
    [
        "client.get('/')",
        "socket_client.post('/', json={})",
        "clock.advance(5)",
        "events.deliver('Opened')",
        "start()",
        "service.greet('Ada')",
        "assert service.greet('Ada')",
        "assert not client.get('/')",
        "if rows: service.greet()",
        "made.greet()",
        "assert kept.greet()",
    ],
)
def test_without_await(line: str) -> None:
    [(number, call)] = unawaited(ast.parse(HEAD.format(line=line)))
    assert number == 14
    assert f"{call}(" in line


@pytest.mark.parametrize(
    "line",
    [
        "await client.get('/')",
        "assert (await service.greet()) == 1",
        "import asyncio; await asyncio.gather(client.get('/'), service.greet())",
        "task = asyncio.create_task(service.greet())",
        "clock.set(5); clock.jump(3); board.pin(4, 1)",
        "service._reset(); service.log.info('x'); rows.append(1)",
        "async with client.websocket('/') as live: pass",
        "[x async for x in service.feed()]",
    ],
)
def test_with_await_or_without_need(line: str) -> None:
    assert not list(unawaited(ast.parse(HEAD.format(line=line))))


def test_the_report_names_the_line(project: Project) -> None:
    text = "async def test_it(start, client):\n    await start()\n    client.get('/hello')\n"
    run = project.write({"hello": HELLO}, {"hello/tests/test_it.py": text}).pytest()
    assert "test_it.py:3: client.get() is not awaited" in run.text
    assert run.counts == {"error": 1}
