"""Tracebacks of a board, as the tools show them."""

from torpor_tools.tracebacks import as_sources


def test_frames_name_sources() -> None:
    message = (
        'Traceback:\n  File "main.py", line 3, in <module>\n  File "torpor/x.mpy", line 12, in f\n'
    )
    shown = message.replace("x.mpy", "x.py")
    assert as_sources(message) == shown == as_sources(shown)


def test_lines_that_are_not_frames_stay() -> None:
    text = 'open("a.mpy")\nOSError: File "a.mpy" is gone'
    assert as_sources(text) == text
