"""A load generator as a client: every answer is correct, and the board answers afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.helpers.running import Running

WRK = shutil.which("wrk")


@pytest.mark.skipif(WRK is None, reason="NO wrk FOUND: not tested under load (install wrk)")
@pytest.mark.parametrize("connections", [1, 4])
def test_wrk(board: Running, connections: int) -> None:
    url = board.urls["items"] + "/items/x?limit=3"
    run = subprocess.run(
        [str(WRK), "-t1", f"-c{connections}", "-d1", url],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Non-2xx" not in run.stdout, run.stdout
    assert "Socket errors" not in run.stdout, run.stdout
    found = re.search(r"(\d+) requests in", run.stdout)
    assert found, run.stdout
    assert int(found[1]) > 100
    with board.client("items") as client:
        assert client.get("/list").json() == [1, 2, 3]
