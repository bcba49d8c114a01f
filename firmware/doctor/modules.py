"""Print which of the modules and names in ``WANTED``, such as ``vfs:VfsLfs2``, are missing."""

import json


def _missing(wanted: str) -> bool:
    module, _, names = wanted.partition(":")
    try:
        value = __import__(module)
        for name in names.split("."):
            value = getattr(value, name)
    except (ImportError, AttributeError):
        return True
    return False


missing = [name for name in WANTED if _missing(name)]  # type: ignore[name-defined]  # noqa: F821
print(json.dumps({"missing": missing}))
