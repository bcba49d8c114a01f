"""Compare a board with what ``boards/`` states about it and about its port.

``facts`` lists what is compared, ``examine`` runs the programs of ``firmware/doctor/`` on the board
and ``report`` writes the result.
"""
