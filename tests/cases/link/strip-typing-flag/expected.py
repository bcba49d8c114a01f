import time






class Kept:
    pass



DEBUG = not False


def now() -> "Any":
    return time.time()
