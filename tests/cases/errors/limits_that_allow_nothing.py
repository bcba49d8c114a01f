# ERROR: a: Annotated[Percent, Range(200, 300)] cannot be sent
#     together they allow nothing, from 200 to 100
# ERROR: b: Annotated[int, Range] cannot be sent
#     write Range(...) with what it allows
# ERROR: c: Annotated[str, Length(-5, 5)] cannot be sent
#     write a length of 0 or more
# ERROR: d: Annotated[Word, Pattern('[0-9]+')] cannot be sent
#     write one Pattern: the type has [a-z]+ already
# ERROR: e: its type Annotated[int, Range(50, 100)] refuses 101
from typing import Annotated

from torpor import Length, Pattern, Range, Service

Percent = Annotated[int, Range(0, 100)]
Word = Annotated[str, Pattern('[a-z]+')]


class A(Service):
    async def put(
        self,
        a: Annotated[Percent, Range(200, 300)],
        b: Annotated[int, Range],
        c: Annotated[str, Length(-5, 5)],
        d: Annotated[Word, Pattern('[0-9]+')],
        e: Annotated[Percent, Range(50, 200)] = 101,
    ) -> None:
        pass
