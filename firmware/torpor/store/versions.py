"""Opens a service's database, unless it comes from a newer image."""

from .. import kernel
from . import forget
from .database import Store


def opened(name: str, known: int = 0, root: str = "/data") -> Store:
    """The database of a service whose image has ``known`` migrations.

    Raises ``RuntimeError`` if the data has had more of them.
    """
    forget("versions")
    store = Store(name, root)
    done = version(store)
    if done > known:
        raise RuntimeError(
            "its data has had %d migrations, this image has %d: put the newer image back"
            % (done, known)
        )
    if kernel.current:
        kernel.current.savers.append(store.flush)
    return store


def version(store: Store) -> int:
    """How many migrations the data has had."""
    from . import opening

    forget("opening")
    return opening.fact(store, "version") or 0
