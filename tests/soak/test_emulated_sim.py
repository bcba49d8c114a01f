"""``torpor sim --emulate`` as a user runs it, including the curl command that it prints."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.host_tools.test_cli_image import SERVICE

pytestmark = [pytest.mark.soak, pytest.mark.emulated]


def test_the_printed_curl_command_gets_a_response(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    torpor = str(Path(sys.executable).with_name("torpor"))
    words = ["-C", str(root), "sim", "--emulate", "--port-base", "18431", "--no-types"]
    with subprocess.Popen(
        [torpor, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as sim:
        assert sim.stdout
        received = []
        for line in sim.stdout:
            received.append(line)
            if found := re.search(r"curl (\S+)", line):
                break
        else:
            pytest.fail("".join(received))
        done = subprocess.run(
            ["curl", "-sS", "--fail", found[1]], capture_output=True, text=True, timeout=600
        )
        assert done.stdout == "hello", done.stderr
        sim.send_signal(signal.SIGINT)
        output = sim.stdout.read()
    assert sim.returncode == 0, output
    assert "stopped" in output
