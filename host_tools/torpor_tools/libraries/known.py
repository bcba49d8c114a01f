"""The packages of micropython-lib, by which ``torpor add`` knows where a name comes from.

Taken from the manifests in https://github.com/micropython/micropython-lib, without those that the
firmware of every board has already and those that work on the Unix port only.
"""

from __future__ import annotations

_NAMES = """
    __future__ abc aioble aioespnow aiohttp aiorepl argparse base64 bisect bmi270 bmm150 cbor2
    cmd collections-defaultdict colorsys contextlib copy curses.ascii datetime dht ds18x20
    email.charset email.encoders email.errors email.feedparser email.header email.internal
    email.message email.parser email.utils espflash fnmatch functools getopt glob gzip
    hashlib-core hashlib-sha224 hashlib-sha256 hashlib-sha384 hashlib-sha512 hmac hs3003 html
    html.entities html.parser hts221 http.client inspect iperf3 itertools keyword lcd160cr
    locale logging lora lora-async lora-stm32wl5 lora-sx126x lora-sx127x lora-sync lps22h
    lsm6dsox lsm9ds1 mhz19 neopixel nrf24l01 ntptime onewire operator os-path pathlib pickle
    pkg_resources pkgutil pprint pyjwt quopri sdcard senml shutil ssd1306 stat string tarfile
    tarfile-write tempfile textwrap time timeit traceback types uaiohttpclient ucontextlib
    udnspkt umqtt.robust umqtt.simple unittest upysh urllib.parse urllib.urequest utop uu uuid
    warnings wm8960 xmltok
"""
PACKAGES = frozenset(_NAMES.split())

# A module that has another name than its package.
_MODULES = {
    "collections.defaultdict": "collections-defaultdict",
    "email": "email.message",
    "http": "http.client",
    "jwt": "pyjwt",
    "umqtt": "umqtt.simple",
    "urllib": "urllib.parse",
    "utemplate": "pypi:utemplate",
}


def package_for(module: str) -> str:
    """Return what ``torpor add`` calls the package with a module, or an empty text.

    ``module`` is a dotted name; its package is tried as well.
    """
    for name in (module, module.partition(".")[0]):
        if name in _MODULES:
            return _MODULES[name]
        if name in PACKAGES:
            return name
    return ""
