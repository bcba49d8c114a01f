# ERROR: `try` in the body of Common
# ERROR: `for` in the body of A
# ERROR: `with` in the body of A
# ERROR: `del` in the body of A
# ERROR: `import` in the body of A
from torpor import Service


class Common(Service):
    try:
        limit = 1
    except ValueError:
        pass


class A(Common):
    from . import rules

    for n in range(3):
        last = n
    with open("x") as file:
        text = file.read()
    del text
# --- services/a/rules.py
X = 3
