"""The examples of the documentation are built and run."""

from __future__ import annotations

import re
from pathlib import Path

from tests.helpers.running import running, write_cluster

DOCS = Path(__file__).parents[2] / "docs"


def test_the_service_that_the_documentation_shows(tmp_path: Path) -> None:
    [source] = re.findall(r"```python\n(.*?)```", (DOCS / "services.md").read_text(), re.DOTALL)
    toml = write_cluster(tmp_path, {"door": source}) / "cluster.toml"
    toml.write_text(toml.read_text() + "\n[services.door.config]\nmost = 4\n")
    with running(tmp_path, types=True) as run, run.client("door") as client:
        assert client.post("/visits", json={"people": 3}).json() == {"inside": 3}
        refused = client.post("/visits", json={"people": 5})
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "people: expected 1 to 4, got 5",
        )
        assert client.get("/").text == "4 at the door"
        assert len(client.get("/visits?limit=1").json()) == 1
        assert [line.split(",")[1] for line in client.get("/visits.csv").text.split()] == ["3", "1"]
