"""The nouns of torpor on the host: frozen dataclasses without I/O; they import only ``errors``."""
