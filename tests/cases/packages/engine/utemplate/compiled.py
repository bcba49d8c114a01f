class Loader:
    def __init__(self, package, folder):
        self.folder = folder

    def load(self, name):
        module = self.folder + "." + name.replace(".", "_")
        return __import__(module, None, None, ("render",)).render
