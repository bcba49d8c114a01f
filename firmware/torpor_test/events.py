"""The fixture ``events``: returns the events that the service published, and delivers others."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_published: "list[Any]" = []
_cluster: "Any" = None


def subscribe(cluster: "Any") -> None:
    """Note what the service publishes from now on. The wiring of a test calls this."""
    global _cluster
    _cluster = cluster
    _published.clear()


def record(event: "Any") -> None:
    """Note an event: the test is a subscriber of everything that the service publishes."""
    name = type(event).__name__
    _published.append(event)
    _check(name, dict(zip(_cluster[name][1], event)), "published ")


class Events:
    """The fixture ``events``.

    Attributes:
        published: The events that the service has published since its start, the oldest first.
            ``published[0].fridge`` is a field of the first.
    """

    def __init__(self, test: "Any") -> None:
        self._test = test
        self.published = _published

    async def deliver(self, name: str, **fields: "Any") -> None:
        """Call the subscribers of an event in the service, as if another service published it.

        Args:
            name: The class of the event.
            fields: Its fields; those with a default may be missing.

        Raises:
            AssertionError: The service does not subscribe to it, or it has no such field.
            Exception: What the service raises. On a board its log has the error.
        """
        service = self._test.service
        if service is None:
            raise AssertionError("there is no service yet: await start(...) first")
        table = self._test.cluster.EVENTS
        subscribed = sorted([each for each in table if table[each][3]])
        if name not in subscribed:
            known = ", ".join(subscribed) or "no events"
            text = "%s does not subscribe to %s; it subscribes to %s"
            raise AssertionError(text % (service.name, name, known))
        make, names, _, handlers = table[name]
        for field in fields:
            if field not in names:
                text = "%s has no field %s; it has %s"
                raise AssertionError(text % (name, field, ", ".join(names)))
        try:
            event = make(**fields)
        except TypeError:
            missing = ", ".join([each for each in names if each not in fields])
            raise AssertionError("%s lacks fields: %s" % (name, missing))
        _check(name, dict(zip(names, event)), "delivered ")
        for handler in handlers:
            await (getattr(service, handler)(event) or ())  # one that never waits is plain


def _check(name, fields, verb) -> None:
    """In strict mode, raise ``StrictError`` for a value that its annotation does not allow."""
    kinds = _cluster[name][2]
    if kinds is None:
        return
    from torpor import strict

    for field in fields:
        strict._cross("%s%s(%s=" % (verb, name, field), ")", kinds[field], fields[field])
