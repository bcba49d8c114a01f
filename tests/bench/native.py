# Serves an image's one service on bare MicroPython, like the programs in floors/: without the
# simulator's shims, whose accept() counts sockets in Python. Arguments: port, image's folder.
import sys

sys.path.insert(0, sys.argv[2])

import cluster

from torpor import kernel

for name in cluster.PORTS:
    cluster.PORTS[name] = int(sys.argv[1])
kernel.run()
