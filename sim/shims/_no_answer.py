"""How a device on a bus fails to answer."""


class Nack(Exception):
    """It does not acknowledge; models raise it."""


class Hang(Exception):
    """It holds the clock low."""
