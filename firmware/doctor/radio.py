"""Print how the radio answers before and while it joins a network that does not exist."""

import json
import sys

import network


def _error(call) -> str:
    """The exception that ``call`` raises, as text; empty if it raises none."""
    try:
        call()
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)
    return ""


default_name = network.hostname()
wlan = network.WLAN(network.STA_IF)
wlan.active(False)
network.hostname("torpor-doctor")
wlan.active(True)
seen = {
    "image": "torpor" in sys.modules,
    "hostname": default_name,
    "hostname_set": network.hostname(),
    "powers": [wlan.PM_NONE, wlan.PM_PERFORMANCE, wlan.PM_POWERSAVE],
}
wlan.connect("torpor-doctor-nobody", "no-such-key")
seen["pm_while_joining"] = _error(lambda: wlan.config(pm=wlan.PM_POWERSAVE))
seen["joined"] = wlan.isconnected()
wlan.disconnect()
seen["connect_channel"] = _error(
    lambda: wlan.connect("torpor-doctor-nobody", "no-such-key", channel=6)  # type: ignore[call-arg]
)
wlan.disconnect()
wlan.active(False)
network.hostname(default_name)
print(json.dumps(seen))
