"""The smallest program that can answer a parked request.

This ``main.py`` joins Wi-Fi, connects with the runtime's MQTT client, answers one request with a
fixed text, and sleeps until its pin goes low.
"""

import asyncio
import json

import esp32
import machine
import network

from torpor.mqtt import client as mqtt

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n"
    b'{"name":"fridge-1","limit": 10}'
)


async def main():
    with open("/secrets.json") as file:
        secrets = json.load(file)
    with open("/broker.json") as file:
        host, port = json.load(file)
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.connect(secrets["wifi"]["ssid"], secrets["wifi"]["password"])
    while not wlan.isconnected():
        await asyncio.sleep_ms(2)
    client = mqtt.Client(host, port, None)
    mailbox = secrets["mailbox"]
    status = "torpor/test/box/status"
    login = mailbox["user"], mailbox["password"]
    await client.open(mqtt.hello("torpor-test-box", login[0], login[1], status, "{}"), 4096)
    client.send(mqtt.subscribe(1, "torpor/test/box/in"))
    while True:
        first, body, whole = await client.packet()
        if first >> 4 == mqtt.PUBLISH:
            message = mqtt.Published(first, body, whole)
            reply = json.loads(bytes(message.payload).split(b"\n")[0])["reply"]
            client.send(mqtt.publish(2, reply, ANSWER, True))
        elif first >> 4 == mqtt.PUBACK:
            client.send(mqtt.puback(message.number))
            break
    client.send(mqtt.DISCONNECT)
    client.close()


print("         1 INFO kernel: ready")  # the simulator waits for this line
# The first start only creates the session, because no request waits yet.
try:
    asyncio.run(asyncio.wait_for(main(), 1))
except asyncio.TimeoutError:
    pass
esp32.wake_on_ext0(machine.Pin(4, machine.Pin.IN), esp32.WAKEUP_ALL_LOW)
machine.deepsleep()
