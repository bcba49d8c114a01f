"""The nouns of torpor on the host: frozen dataclasses, no I/O, and no import of anything else of ours."""
