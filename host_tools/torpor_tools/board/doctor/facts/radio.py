"""The radio, host names, and what needs an access point."""

from __future__ import annotations

from ..fact import AtLeast, Fact, Subject, behind_an_image, key, no_less

_WIFI = "{port}: wifi"
_NAMES = "{port}: names"
_SLOW = "a look-up that fails takes five minutes there"


def facts() -> list[Fact]:
    """All facts about the radio; those of ``join`` and ``names`` need an access point."""
    return [*_alone(), *_joined(), *_names()]


def _alone() -> list[Fact]:
    return [
        Fact(
            "host name of the firmware",
            "radio",
            "{port}: hostname.default",
            _hostname,
            key("hostname"),
            hidden=behind_an_image,
        ),
        Fact(
            "host name that was set",
            "radio",
            "extmod/modnetwork.c",
            lambda subject: "torpor-doctor" if subject.port.hostname else None,
            key("hostname_set"),
        ),
        Fact("PM_NONE, PM_PERFORMANCE, PM_POWERSAVE", "radio", _WIFI, _powers, key("powers")),
        Fact(
            "config(pm=...) while joining",
            "radio",
            _WIFI,
            _while_joining,
            key("pm_while_joining"),
            hidden=lambda seen: "the network was joined at once" if seen["joined"] else "",
        ),
        Fact(
            "connect() takes a channel",
            "radio",
            _WIFI,
            lambda subject: subject.port.wifi and subject.port.wifi.connect_channel,
            lambda seen: not seen["connect_channel"].startswith("TypeError"),
        ),
    ]


def _joined() -> list[Fact]:
    return [
        Fact("joins the Wi-Fi", "join", "secrets.toml", lambda _: True, key("joined")),
        Fact("config(pm=...) once joined", "join", _WIFI, lambda _: "", key("pm_once_joined")),
        Fact(
            "error of a connect() that does not wait",
            "join",
            "{port}: errno.EINPROGRESS",
            lambda subject: subject.port.errno["EINPROGRESS"],
            key("connect_errno"),
        ),
    ]


def _names() -> list[Fact]:
    return [
        Fact(
            "error of a .local name that nobody has",
            "names",
            _NAMES,
            lambda subject: subject.port.names.not_found,
            key("errno"),
            emulator=_SLOW,
        ),
        Fact(
            "ms until its look-up fails",
            "names",
            _NAMES,
            lambda subject: AtLeast(subject.port.names.local_ms * 9 // 10),
            key("ms"),
            no_less,
            emulator=_SLOW,
        ),
    ]


def _hostname(subject: Subject) -> str | None:
    names = subject.port.hostname
    return names.default.get(subject.board.chip) if names else None


def _powers(subject: Subject) -> list[int] | None:
    wifi = subject.port.wifi
    return [wifi.pm_none, wifi.pm_performance, wifi.pm_powersave] if wifi else None


def _while_joining(subject: Subject) -> str | None:
    """The exception as text, empty if none is raised; None if nothing is stated."""
    if not subject.port.wifi:
        return None
    text = subject.port.wifi.config_while_joining
    return f"OSError: {text}" if text else ""
