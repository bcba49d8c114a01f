"""``torpor sim --emulate`` as a user runs it, down to a curl that is answered."""

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


def test_a_user_s_curl_is_answered(tmp_path: Path) -> None:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    torpor = str(Path(sys.executable).with_name("torpor"))
    words = ["-C", str(root), "sim", "--emulate", "--port-base", "18431", "--no-types"]
    with subprocess.Popen(
        [torpor, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as going:
        assert going.stdout
        received = []
        for line in going.stdout:
            received.append(line)
            if found := re.search(r"curl (\S+)", line):
                break
        else:
            pytest.fail("".join(received))
        done = subprocess.run(
            ["curl", "-sS", "--fail", found[1]], capture_output=True, text=True, timeout=600
        )
        assert done.stdout == "hello", done.stderr
        going.send_signal(signal.SIGINT)
        rest = going.stdout.read()
    assert going.returncode == 0, rest
    assert "stopped" in rest
