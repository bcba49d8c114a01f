"""What holds for all tests."""

from __future__ import annotations

import signal

import hypothesis

# A time limit on examples would fail a test because the machine is busy.
hypothesis.settings.register_profile("torpor", deadline=None)
hypothesis.settings.load_profile("torpor")

# A shell starts what it puts in the background with SIGINT ignored, and so would be all that a test
# starts: nothing would stop at Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
