"""The gateway has the documents of the services, which the boards do not have."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import httpx
import pytest
from openapi_spec_validator import validate

from torpor_tools.contracts import load_plan
from torpor_tools.contracts.openapi import documents
from torpor_tools.gateway.app import App
from torpor_tools.gateway.broker import Broker
from torpor_tools.gateway.client import ClientConnection
from torpor_tools.gateway.homes import Home
from torpor_tools.gateway.message import Topics
from torpor_tools.gateway.parking_state import Parked

ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_service_is_described_while_its_board_sleeps() -> None:
    home = Home("shed", "alerts", 8003, "", mailbox=True)
    nowhere = cast(Broker, None)
    plan = load_plan(ROOT)

    def resolve(home: Home, address: str) -> tuple[str, int]:
        raise AssertionError("nobody is asked")

    homes: dict[int, list[Home]] = {}
    app = App(homes, Parked(1), nowhere, Topics("x"), resolve, 1, documents(plan))
    clients: set[ClientConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: ClientConnection(app.handle, clients), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    homes[port] = [home]
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.get("/openapi.json")
    server.close()
    await app.aclose()
    assert answer.status_code == 200
    assert answer.json() == documents(plan)["alerts"]
    validate(answer.json())
