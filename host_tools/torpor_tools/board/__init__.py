"""A board on this desk or network: flash it, deploy to it, examine it, export its data."""
