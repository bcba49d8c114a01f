"""Stand-ins for the chip and the kernel, for programs that cut an update."""


class ResetError(Exception):
    """The chip restarts."""


class Machine:
    PWRON_RESET = 1
    WDT_RESET = 9
    cause = 1

    def reset(self):
        raise ResetError

    def reset_cause(self):
        return Machine.cause


class Cluster:
    NAME = "test"
    BOARD = "box"


class Kernel:
    cluster = Cluster
    failed: dict = {}
