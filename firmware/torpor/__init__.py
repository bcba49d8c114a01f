"""The names an author of services writes with.

``clock`` and ``system`` are modules: ``from torpor import clock``.
"""

from .service import Fault, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Routes and schedules are read from the source by the build; a chip never runs a decorator.
    # The build writes an import of it as one of this module, which other images do not need.
    from .deadline import deadline as deadline
    from .decorators import daily as daily
    from .decorators import delete as delete
    from .decorators import every as every
    from .decorators import get as get
    from .decorators import on_wake as on_wake
    from .decorators import post as post
    from .decorators import put as put
    from .decorators import safe as safe
    from .limits import Length as Length
    from .limits import Pattern as Pattern
    from .limits import Range as Range

__all__ = [
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
    "on_wake",
    "post",
    "put",
    "safe",
]
