"""Opens a service's database and runs the migrations that it has not had."""

from . import forget, versions
from .database import Store


def opened(name: str, migrations: tuple, indexing=None, root: str = "/data") -> Store:
    """The database of a service after ``migrations``, the names of all it has.

    ``indexing`` is the module ``secondary`` where one of them asks for an index. Raises
    ``RuntimeError`` if one fails and if the data has had more; then the data is as it was.
    """
    forget("upgrade")
    store = versions.opened(name, len(migrations), root)
    store.indexing = indexing
    done = versions.version(store)
    if done < len(migrations):
        from . import migrate

        forget("migrate")
        for number in range(done, len(migrations)):
            module = "services.%s.migrations.%s" % (name, migrations[number])
            migrate.run(store, module, number + 1)
    return store
