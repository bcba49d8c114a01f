"""Accesses the databases of boards: migrations, export, import, check."""
