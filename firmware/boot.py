# The chip runs this file first. The radio takes seconds to join: it begins here, while the
# services are still being loaded.
from torpor import net

net.begin()
