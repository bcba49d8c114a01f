"""The gateway has the documents of the services, which the boards do not have."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import httpx
from openapi_spec_validator import validate

from torpor_tools.contracts import load_plan
from torpor_tools.gateway.app import App, Home
from torpor_tools.gateway.broker import Broker
from torpor_tools.gateway.message import Topics
from torpor_tools.gateway.parked import Parked
from torpor_tools.openapi import documents

ROOT = Path(__file__).parents[2]


async def test_a_service_is_described_though_its_board_sleeps() -> None:
    home = Home("shed", "alerts", 8003, "", mailbox=True)
    nowhere = cast(Broker, None)
    plan = load_plan(ROOT)

    def resolve(home: Home, address: str) -> tuple[str, int]:
        raise AssertionError("nobody is asked")

    app = App({8103: [home]}, Parked(1), nowhere, Topics("x"), resolve, 1, documents(plan))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway:8103") as client:
        answer = await client.get("/openapi.json")
    await app.aclose()
    assert answer.status_code == 200
    assert answer.json() == documents(plan)["alerts"]
    validate(answer.json())
