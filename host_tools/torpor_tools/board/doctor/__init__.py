"""Compare a board with what ``boards/`` states of it and of its port.

``facts`` lists what is compared, ``examine`` runs the programs of ``firmware/doctor/`` on the board
and ``report`` writes what came of it.
"""
