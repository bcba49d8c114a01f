"""Lets the chip and its devices act while a test's clock stands still and jumps."""

stepped = False  # whether there is such a clock
# By name: each has ``_left()``, the ms until something may happen (None: nothing will), and
# ``_look()``, which lets it happen.
steps: dict = {}
