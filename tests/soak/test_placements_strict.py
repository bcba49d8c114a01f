"""The sample cluster under forty placements, with calls in memory through the wire encoding."""

from __future__ import annotations

import pytest

from tests.placements.test_placements import ROOT, torpor_test

pytestmark = pytest.mark.soak


def test_the_sample_under_forty_strict_placements() -> None:
    code, text = torpor_test(ROOT, "--placements", "40", "--strict", "-n", "2")
    assert code == 0, text
    assert " 480 passed" in text
