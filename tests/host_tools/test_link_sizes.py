"""The size table."""

from __future__ import annotations

import json
from pathlib import Path

from tests.host_tools.small_plans import Small, plan
from torpor_tools.cli.size_table import size_table
from torpor_tools.link.module import Module
from torpor_tools.link.sizes import measure, to_json
from torpor_tools.model.image import SizeTable

MODULES = [
    Module("services.a", True, "", "", "service"),
    Module("services.a.rules", False, "", "", "service"),
    Module("services.b", True, "", "", "service"),
    Module("torpor.kernel", False, "", "", "runtime"),
    Module("torpor.http.wire", False, "", "", "runtime"),
    Module("microdot.sse", False, "", "", "dependency"),
    Module("cluster", False, "", "", "wiring"),
]
FILES = {
    "services/a/__init__.mpy": bytes(100),
    "services/a/rules.mpy": bytes(50),
    "services/a/static/x.html.gz": bytes(250),
    "services/b/__init__.mpy": bytes(100),
    "torpor/kernel.mpy": bytes(200),
    "torpor/http/wire.mpy": bytes(150),
    "microdot/sse.mpy": bytes(80),
    "cluster.mpy": bytes(60),
    "boot.py": bytes(6),
    "image.txt": bytes(4),
}


def sizes(tmp_path: Path) -> SizeTable:
    return measure(plan(tmp_path, {"a": Small(), "b": Small()}).boards[0], MODULES, FILES)


def test_a_row_for_each_part(tmp_path: Path) -> None:
    table = sizes(tmp_path)
    assert [(r.kind, r.name, r.compiled, r.static) for r in table.rows] == [
        ("service", "a", 150, 250),
        ("service", "b", 100, 0),
        ("runtime", "torpor.http.wire", 150, 0),
        ("runtime", "torpor.kernel", 200, 0),
        ("dependency", "microdot.sse", 80, 0),
        ("wiring", "cluster", 60, 0),
        ("start", "boot.py", 6, 0),
        ("start", "image.txt", 0, 4),
    ]


def test_nothing_is_counted_twice_or_omitted(tmp_path: Path) -> None:
    table = sizes(tmp_path)
    assert table.total == sum(map(len, FILES.values())) == 1000
    assert table.share(table.row("a")) == 0.4
    assert abs(sum(map(table.share, table.rows)) - 1) < 1e-9
    assert table.capacity == 212 * 4096


def test_json_has_the_same_content(tmp_path: Path) -> None:
    read = json.loads(to_json(sizes(tmp_path)))
    assert read["rows"][0] == {
        "name": "a",
        "kind": "service",
        "compiled": 150,
        "static": 250,
        "total": 400,
        "share": 0.4,
    }
    assert (read["total"], read["compiled"], read["static"]) == (1000, 746, 254)


HEAP = {"a": 30, "services.a": 40, "services.a.rules": 50, "torpor.kernel": 900, "network": 7}


def test_the_table_shows_sums_or_modules(tmp_path: Path) -> None:
    _, short = size_table(sizes(tmp_path), HEAP, {}, modules=False)
    assert short == [
        ("a", "service", "150", "250", "40%", "120"),
        ("b", "service", "100", "", "10%", ""),
        ("cluster", "wiring", "60", "", "6%", ""),
        ("2 modules", "runtime", "350", "", "35%", "900"),
        ("1 modules", "dependency", "80", "", "8%", ""),
        ("2 files", "start", "6", "4", "1%", ""),
        ("total", "", "746", "254", "100%", "1,020"),
    ]
    _, whole = size_table(sizes(tmp_path), HEAP, {}, modules=True)
    assert ("torpor.kernel", "runtime", "200", "", "20%", "900") in whole


def test_heap_that_a_request_takes_is_in_brackets(tmp_path: Path) -> None:
    _, rows = size_table(sizes(tmp_path), {"a": 30}, {"b": 200, "services.b": 5}, modules=False)
    assert [row[-1] for row in rows] == ["30", "(205)", "", "", "", "", "30 (205)"]
