"""Figures and traces of a board that sleeps, through the gateway: real broker, real board."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers.brokers import Broker
from tests.helpers.mail import DEEP, mail


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def samples(http: httpx.AsyncClient) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = await http.get("/~metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


@pytest.mark.anyio
async def test_figures_and_traces_of_a_sleeping_board(tmp_path: Path) -> None:
    power = DEEP + '\n[metrics]\nservice = "items"\n[traces]\n'
    # With all of this an ESP32 has no free block of 15 kB for the table of names to grow.
    broker = Broker("nats", tmp_path / "broker")
    async with mail(tmp_path, broker, power=power, board="ESP32_GENERIC_S3") as box:
        box.close()
        await box.sleeps()
        header = {"traceparent": f"00-{'4bf92f35' * 4}-00f067aa0ba902b7-01"}
        slow = box.http.post("/slow", json={"n": 2}, headers=header)
        parked = asyncio.create_task(slow)
        while box.gateway.parked.waits("box") < 1:
            await asyncio.sleep(0.01)
        waiting = await samples(box.http)
        assert waiting["torpor_gateway_waiting_requests"] == [({"board": "box"}, 1)]
        box.wake()
        assert (await parked).status_code == 200
        await box.sleeps()
        async with box.opened() as other, box.client(other) as http:
            while "torpor_figures_age_seconds" not in (found := await samples(http)):
                await asyncio.sleep(0.02)  # it does not know the board yet
        states = {labels["state"]: value for labels, value in found["torpor_board_state"]}
        assert states == {"awake": 0, "asleep": 1, "lost": 0}
        [(labels, count)] = found["torpor_http_responses_total"]
        assert (labels["service"], labels["method"], labels["route"]) == ("items", "POST", "/slow")
        assert (labels["status"], count) == ("2xx", 1)
        # The trace came through the mailbox: a log line of the request contains it.
        assert "items: [4bf92f35] slow" in "\n".join(map(str, box.board.log))
        assert found["torpor_http_duration_seconds_count"][0][1] == 1
        assert found["torpor_start"] == [({"board": "box", "cause": "deep sleep"}, 1)]
        assert found["torpor_store_commits_total"][0][1] >= 1
