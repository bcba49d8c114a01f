"""The pytest plugin: tests of services run inside real MicroPython.

``plugin.py`` has pytest's hooks, ``collect.py`` what it sees of a test file. ``image.py`` links a
service, its tests and the device half (``firmware/torpor_test``) into an image, ``runner.py`` talks
to the interpreter that runs it, over a ``transport.py``; ``report.py`` shows the results.
"""
