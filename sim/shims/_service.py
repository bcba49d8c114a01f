"""Which service the program works for: MicroPython does not show who calls a function."""

import sys
from asyncio import core

_KEPT = 16
_REQUEST, _CALL = 1, 2  # kinds of breadcrumbs: torpor.log.crumb_of
_SERVICE = 0x3FFE000  # the bits of one that stand for a service

_left: list = []  # (id of a task, the last breadcrumb that it left)


def follow(port):
    """Take note of the breadcrumbs that starts, jobs and tasks leave."""
    native = port.crumb

    def crumb(number):
        if number >> 26 & 7 > _CALL:
            _note(number)
        native(number)

    port.crumb = crumb


def _note(number):
    task = id(core.cur_task)
    for entry in _left:
        if entry[0] == task:
            entry[1] = number
            return
    if len(_left) == _KEPT:
        _left.pop(0)
    _left.append([task, number])


def now():
    """The name of the service; empty if nobody knows."""
    kernel = sys.modules.get("torpor.kernel")
    running = kernel and kernel.current  # type: ignore[attr-defined]
    if not running:
        return ""
    for name in running.cluster.SERVICES:
        if name not in running.services:
            return name  # its modules are imported now
    from torpor import log

    for task, number in _left:
        if task == id(core.cur_task):
            for name in running.cluster.SERVICES:
                if log.crumb_of(0, name, "") == number & _SERVICE:
                    return name
    return work()[0]


def work():
    """The service and what it does now: its start, a request, a job, or a task by its coroutine."""
    from torpor import loop

    found, task = loop.work, core.cur_task
    if found is not None and task is not None:
        if getattr(found, "task", None) is task:
            return found.listener.name, "%s %s" % (found.request.verb, found.request.target)
        if hasattr(found, "running") and (found.running or task) is task:
            return found.log.name, found.method.__name__
    parts = str(task.coro).split("'") if task else ()
    name = parts[1] if len(parts) > 1 else ""
    kernel = sys.modules.get("torpor.kernel")
    running = kernel and kernel.current  # type: ignore[attr-defined]
    if running and running.starting and name == "run":
        return running.starting, "start"
    return "", name
