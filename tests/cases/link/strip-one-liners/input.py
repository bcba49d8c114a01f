import time; from typing import Any
from typing import List; import os
if time: from typing import Set
from typing import (
    Dict,
); x = 1
def f(): from typing import Tuple; return x
class A: import collections.abc
for i in (): 
    from typing import Text
else: import typing
