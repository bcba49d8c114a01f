# ERROR: a: Annotated[str, Pattern('[a-zäöü]*')] cannot be sent
#     MicroPython's re matches bytes
# ERROR: b: Annotated[str, Pattern('grä+n')] cannot be sent
#     MicroPython's re matches bytes
# ERROR: c: Annotated[str, Pattern('[]x]')] cannot be sent
#     MicroPython's re has no more
from typing import Annotated

from torpor import Length, Pattern, Range, Service


class A(Service):
    async def put(
        self,
        a: Annotated[str, Pattern('[a-zäöü]*')],
        b: Annotated[str, Pattern('grä+n')],
        c: Annotated[str, Pattern('[]x]')],
        d: Annotated[str, Pattern('(?:ä|ö)+ grün|[^/]+ü')],
    ) -> None:
        pass
