"""A service's HTTP side as an OpenAPI 3.1 document, made from its contract.

``document`` is the entry point; ``schema`` turns a contract's types into JSON Schema.
"""

from .document import document, documents

__all__ = ["document", "documents"]
