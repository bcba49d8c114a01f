"""The type check's tables of the official firmware agree with that firmware."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.ask_firmware import TABLES, ask_rp2
from torpor_tools.contracts.firmware import read_table

pytestmark = [pytest.mark.soak, pytest.mark.emulated]


async def test_the_table_of_rp2_agrees_with_the_firmware(tmp_path: Path) -> None:
    table = (TABLES / "rp2.txt").read_text().partition("\n")[2]
    assert read_table(await ask_rp2(tmp_path)) == read_table(table)
