"""Run schemathesis against the OpenAPI document that a service serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import tomlkit

from torpor_tools.project import load_cluster

ROOT = Path(__file__).parents[2]


def document(url: str) -> dict[str, Any]:
    """Return the OpenAPI document of a service."""
    served: dict[str, Any] = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    return served


def fuzz(url: str, folder: Path, examples: int, seed: int) -> str:
    """Test a service with up to ``examples`` requests for each operation and phase.

    ``folder`` is for the configuration. Returns the report, or raises ``AssertionError`` with the
    failures.
    """
    config = folder / "schemathesis.toml"
    config.write_text(tomlkit.dumps(_config(document(url))))
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "--config-file", str(config), "run"]
    options = ["--max-examples", str(examples), "--seed", str(seed), "--no-color"]
    result = subprocess.run(
        [*command, f"{url}/openapi.json", *options], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, f"{url}, seed {seed}:\n{result.stdout}{result.stderr}"
    return result.stdout


def _config(document: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with values that exist: the document does not list them.

    Requests with other values only get 404.
    """
    operations = [
        {
            # It documents a 400 for some values that match the schema.
            "include-operation-id": operation["operationId"],
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
        for path in document["paths"].values()
        for operation in path.values()
        if "400" in operation["summary"] + operation.get("description", "")
    ]
    config: dict[str, Any] = {
        "dictionaries": {"fridges": {"values": _probes()}},
        "parameters": {"fridge": {"dictionary": "fridges", "probability": 0.7}},
    }
    return {**config, "operations": operations} if operations else config


def _probes() -> list[str]:
    sensors = next(s for s in load_cluster(ROOT).services if s.name == "sensors")
    return list(sensors.config["probes"])
