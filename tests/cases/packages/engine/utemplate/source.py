"""A compiler of pages with the interface of utemplate: args, include, for, if and expressions."""

from . import compiled


class Compiler:
    def __init__(self, page, out, indent=0, seq=0, loader=None):
        self.page, self.out, self.loader = page, out, loader
        self.depth = 1
        self.begun = False

    def line(self, text):
        if not self.begun:
            self.begun = True
            self.out.write("def render(*args):\n")
        self.out.write("    " * self.depth + text + "\n")

    def statement(self, words):
        if words[0] == "args":
            self.begun = True
            self.out.write("def render(%s):\n" % " ".join(words[1:]))
        elif words[0] == "include":
            with self.loader.input_open(words[1].strip("\"'")) as page:
                inner = Compiler(page, self.out, loader=self.loader)
                inner.begun, inner.depth = self.begun, self.depth
                inner.compile()
        elif words[0].startswith("end"):
            self.depth -= 1
            assert self.depth, "an end without its beginning"
        else:
            self.line(" ".join(words) + ":")
            self.depth += 1

    def compile(self):
        text = self.page.read()
        while text:
            literal, mark, text = text.partition("{")
            if literal:
                self.line("yield %r" % literal)
            if text[:1] == "%":
                inside, _, text = text[1:].partition("%}")
                self.statement(inside.split())
            elif text[:1] == "{":
                inside, _, text = text[1:].partition("}}")
                self.line("yield str(%s)" % inside)
            elif mark:
                self.line("yield '{'")


class Loader(compiled.Loader):
    def input_open(self, name):
        return open(self.folder + "/" + name)
