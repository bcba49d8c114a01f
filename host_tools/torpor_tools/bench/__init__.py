"""Figures that ``make bench`` has measured: read, written and held against older ones."""
