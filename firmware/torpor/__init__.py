"""The names an author of services writes with.

``clock`` and ``system`` are modules: ``from torpor import clock``.
"""

from .service import Fault, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Routes and schedules are read from the source by the build; a chip never runs a decorator.
    # The build writes an import of it as one of this module, which other images do not need.
    from .contract import Event as Event
    from .contract import Length as Length
    from .contract import Pattern as Pattern
    from .contract import Range as Range
    from .contract import daily as daily
    from .contract import delete as delete
    from .contract import every as every
    from .contract import get as get
    from .contract import on as on
    from .contract import on_wake as on_wake
    from .contract import post as post
    from .contract import put as put
    from .contract import safe as safe
    from .deadline import deadline as deadline

__all__ = [
    "Event",
    "Fault",
    "Length",
    "Pattern",
    "Range",
    "Service",
    "daily",
    "deadline",
    "delete",
    "every",
    "get",
    "on",
    "on_wake",
    "post",
    "put",
    "safe",
]
