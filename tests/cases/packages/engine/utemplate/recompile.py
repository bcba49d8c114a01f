from . import source


class Loader(source.Loader):
    pass
