"""What holds for all tests."""

from __future__ import annotations

import hypothesis

# A time limit on examples would fail a test because the machine is busy.
hypothesis.settings.register_profile("torpor", deadline=None)
hypothesis.settings.load_profile("torpor")
