"""All that the host knows about the device's runtime: its modules, and which board needs them.

``tests/host_tools/test_link_runtime.py`` compares this file with ``firmware/``.
"""

from __future__ import annotations

from collections.abc import Callable

from ..model.plan import BoardPlan

START_FILES = ("boot.py", "main.py")
PACKAGES = (
    "torpor",
    "torpor_test",
    "slots",
    "swap",
)  # the packages and modules of firmware/ that an image may contain
# Modules that each port has its own file for: firmware/ports/<port><suffix>.py.
PORT_MODULES = {"torpor.port": "", "torpor.power.chip": "_sleep"}
# What services may import from PyPI: the package on the device, and the project that has it.
DEPENDENCIES = {"microdot": "microdot"}

# The decorators of torpor, which the build reads and the device never runs.
DECORATORS = ("get", "post", "put", "delete", "every", "daily", "on_wake", "safe", "on")
# Names of torpor that exist in annotations only.
EVENT = "Event"  # the base class of events; on a device they are tuples
LIMITS = ("Length", "Pattern", "Range")
# Names of torpor that only some images have -> the module that they come from there.
MOVED = {"deadline": "torpor.deadline"}

# The functions of ``torpor.http.args`` that convert an argument of a route, by its type.
CONVERTERS = {
    "str": "str_",
    "int": "int_",
    "float": "float_",
    "bool": "bool_",
    "list": "list_",
    "dict": "dict_",
    "Any": "any_",
}
# Converters of arguments in the path, and functions that combine converters.
PATH_CONVERTERS = ("path_int", "path_float", "path_bool")
COMBINERS = ("opt_", "inside")
FIELDS = ("shaped",)  # converters of ``torpor.http.fields``, for records

# Collections of functions that are imported by name only: an image holds those that something
# imports, and what they call.
COLLECTIONS = ("torpor.http.args",)
# Modules from which ``shake`` removes the functions, classes and methods that nothing in the image
# names. The host calls none of them by a name that is not in the image.
SHAKEN = (
    "torpor",
    "torpor.clock",
    "torpor.events",
    "torpor.http.budget",
    "torpor.http.response",
    "torpor.kernel",
    "torpor.loop",
    "torpor.metrics",
    "torpor.mqtt.durable",
    "torpor.port",
    "torpor.schedule",
    "torpor.sockets",
    "torpor.tools",
    "torpor.wifi",
)


def _has_schedule(board: BoardPlan) -> bool:
    methods = [m for s in board.services for m in s.contract.methods]
    return any(m.every_ms is not None or m.daily_s is not None for m in methods)


def _has_limited_route(board: BoardPlan) -> bool:
    methods = [m for s in board.services for m in s.contract.methods]
    return any(route.deadline_ms is not None for m in methods for route in m.routes)


def _has_wake_pins(board: BoardPlan) -> bool:
    return any(m.wake for s in board.services for m in s.contract.methods)


def _has_store(board: BoardPlan) -> bool:
    return any(s.contract.has_store for s in board.services)


# A part of the runtime, ``torpor.<name>`` with ``start(kernel)``, and which board needs it. The
# kernel starts them in this order, when the services have started. What is not named here or
# imported by something that is named does not get into the image.
PARTS: dict[str, Callable[[BoardPlan], bool]] = {
    "heap_areas": lambda board: board.board.port == "esp32",
    "wifi": lambda board: board.board.port != "unix",
    "syslog": lambda board: board.observe.syslog is not None,
    "rpc": lambda board: board.called,
    "tools": lambda board: board.called,
    "store.admin": lambda board: board.called and _has_store(board),
    "http.events": lambda board: bool(board.offered) and board.mailbox is None,
    "http.listener": lambda board: bool(board.listeners),
    "http.on_request": lambda board: bool(board.on_request),
    "schedule": _has_schedule,
    "mqtt.serve": lambda board: board.mailed or board.mailed_updates,
    "mqtt.mailbox": lambda board: board.mailbox is not None and not board.durable,
    "mqtt.durable": lambda board: board.mailbox is not None and board.durable,
    "mqtt.events": lambda board: bool(board.offered) and board.mailbox is not None,
    "traces": lambda board: board.observe.traces is not None,
    "metrics": lambda board: board.metrics is not None,
    "power.pins": _has_wake_pins,
    "power.sleep": lambda board: board.power is not None and board.power.sleeps,
    "update": lambda board: board.updated,
}


def parts(board: BoardPlan) -> list[str]:
    """Return the parts of the runtime that the board needs, in the order of their start."""
    return [name for name, needed in PARTS.items() if needed(board)]


# Flags in the runtime's modules -> which board has the code behind them: see ``flags.py``.
FLAGS: dict[str, Callable[[BoardPlan], bool]] = {
    "_MEASURED": lambda board: board.metrics is not None,
    "_OUTPUTS": lambda board: bool(board.outputs),
    "_TRACED": lambda board: board.observe.traces is not None,
    "_CALLED": lambda board: board.mailed or board.mailed_updates,
    "_OFFERED": lambda board: bool(board.offered),
    "_CALLS": lambda board: bool(board.needs()),
    "_MAILED": lambda board: board.mailbox is not None,
    "_SUBSCRIBES": lambda board: board.called and bool(board.incoming),
    "_LIMITED": _has_limited_route,
    "_REJOINS": lambda board: board.power is not None and board.power.policy == "deep",
    "_SENDS": lambda board: board.sends_durably,
    "_SLOTS": lambda board: bool(board.board.partitions),
    "_PICO": lambda board: board.board.port == "rp2",
}

# The constant of ``torpor.kernel`` that says how many names a start makes: see ``names.py``.
SPARE_NAMES = "_SPARE_NAMES"

# Modules whose absence the runtime handles -> which board has them.
OPTIONAL: dict[str, Callable[[BoardPlan], bool]] = {
    "torpor.power": lambda board: any(n.startswith(("power.", "mqtt.")) for n in parts(board)),
}
