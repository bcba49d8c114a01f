"""Carries TCP connections from this computer to the ports of an emulated board.

The emulator's own bridge only carries connections that the board opens. ``Radio`` is its Wi-Fi chip
with a bridge that also acts as a client: it sends the SYN and handles the board's answer. From then
on the emulator's own code moves the bytes.

Times are in milliseconds of the board's clock, which runs much slower than the wall's.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import struct
from collections.abc import Callable

from rp2040py.external.cyw43 import Cyw43439, net
from rp2040py.external.cyw43.nat import GATEWAY_IP, NatBridge, TcpFlow, TcpFlowKey, TcpReflector
from rp2040py.rp2040 import RP2040

from .wifi_credit import Bus

_RESEND_MS = 200  # until the first SYN is sent again; a board that is full drops it
_RESEND_LONGEST_MS = 1600
_ATTEMPTS = 8
# The firmware refuses data that arrives before it calls accept(), and then accepts it only at the
# next tick of a 250 ms timer. A real client's data arrives one round trip later, and so does ours.
_ROUND_TRIP_MS = 5
_MSS = 1460
_SEQUENCE = 0xFFFFFFFF

_Queue = Callable[[bytes], None]


class _Inward(TcpReflector):
    """A TCP reflector that also begins connections into the board."""

    def __init__(self, rp2040: RP2040, queue_ethernet_frame: _Queue) -> None:
        super().__init__(rp2040, queue_ethernet_frame)
        self._awaited: dict[TcpFlowKey, asyncio.Future[net.TcpSegment]] = {}

    def maybe_handle(self, eth: net.EthernetFrame, ip: net.Ipv4Packet) -> bool:
        segment = net.parse_tcp(ip.payload) if ip.proto == net.IP_PROTO_TCP else None
        if segment is not None:
            key = TcpFlowKey(segment.src_port, ip.dst_ip, segment.dst_port)
            answer = self._awaited.get(key)
            if answer is not None:
                if not answer.done():
                    answer.set_result(segment)
                return True
        return super().maybe_handle(eth, ip)

    async def carry(self, flow: TcpFlow) -> None:
        """Open the flow and move its bytes until either side ends it.

        Raises ``ConnectionRefusedError``, and ``TimeoutError`` if the board never answers.
        """
        answer = await self._opened(flow)
        if answer.flags & net.TCP_RST:
            raise ConnectionRefusedError(f"nothing listens on port {flow.key.guest_src_port}")
        flow.guest_iss = answer.seq
        flow.guest_next_seq = (answer.seq + 1) & _SEQUENCE
        flow.guest_window = answer.window
        flow.mss = min(answer.mss or flow.mss, _MSS)
        flow.state = type(flow.state).ESTABLISHED
        flow.pump_task = asyncio.current_task()
        self._flows[flow.key] = flow
        self._queue_ethernet_frame(self._build_tcp_frame(flow, flags=net.TCP_ACK))
        await self._pause(_ROUND_TRIP_MS)
        await self._pump_host_to_guest(flow)

    async def _opened(self, flow: TcpFlow) -> net.TcpSegment:
        """Send the SYN repeatedly until the board answers."""
        answer: asyncio.Future[net.TcpSegment] = asyncio.get_running_loop().create_future()
        self._awaited[flow.key] = answer
        waits = iter([min(_RESEND_MS << n, _RESEND_LONGEST_MS) for n in range(_ATTEMPTS)])

        def send() -> None:
            wait = next(waits, None)
            if wait is not None:
                self._queue_ethernet_frame(
                    self._build_tcp_frame(
                        flow, flags=net.TCP_SYN, seq=flow.host_iss, ack=0, mss=_MSS
                    )
                )
                alarm.schedule(wait * 1e6)
            elif not answer.done():
                answer.set_exception(TimeoutError("the board does not answer"))

        alarm = self._rp2040.clock.create_alarm(send)
        try:
            send()
            return await answer
        finally:
            alarm.cancel()
            del self._awaited[flow.key]

    async def _pause(self, ms: float) -> None:
        over = asyncio.Event()
        alarm = self._rp2040.clock.create_alarm(over.set)
        alarm.schedule(ms * 1e6)
        try:
            await over.wait()
        finally:
            alarm.cancel()


class _Bridge(NatBridge):
    """The emulator's bridge with TCP in both directions; learns the board's addresses."""

    def __init__(self, rp2040: RP2040, queue_ethernet_frame: _Queue) -> None:
        super().__init__(rp2040, queue_ethernet_frame)
        self.inward = _Inward(rp2040, queue_ethernet_frame)
        self._tcp = self.inward
        self.mac = b""
        self.ip = b""
        self.has_address = asyncio.Event()

    def handle_outbound_ethernet_frame(self, frame: bytes) -> None:
        self._learn(frame)
        super().handle_outbound_ethernet_frame(frame)

    def _learn(self, frame: bytes) -> None:
        eth = net.parse_ethernet(frame)
        # Once the board has an address, it announces it by ARP before it does anything else.
        arp = net.parse_arp(eth.payload) if eth and eth.ethertype == net.ETHERTYPE_ARP else None
        if arp is not None and any(arp.sender_ip):
            self.mac, self.ip = arp.sender_mac, arp.sender_ip
            self.has_address.set()


class Radio(Cyw43439):
    """The Wi-Fi chip of the emulated board, with ports of this computer that lead into it."""

    def __init__(self) -> None:
        super().__init__()
        self.bus = Bus()
        self._bridge: _Bridge
        self._servers: list[asyncio.Server] = []
        self._client_ports = itertools.cycle(range(49152, 65536))

    def attach(self, rp2040: RP2040) -> None:
        """Wire the chip to the board, as the emulator requires of every device."""
        super().attach(rp2040)
        self._bridge = _Bridge(rp2040, self.bus.queue_rx_ethernet_frame)
        self.bus.nat_bridge = self._bridge

    async def listen(self, bind: str, guest_port: int, host_port: int) -> int:
        """Forward connections to ``bind:host_port`` (0: a free one) to ``guest_port``.

        Returns the port of this computer. Raises ``OSError`` if none is free.
        """

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._carry(guest_port, reader, writer)

        server = await asyncio.start_server(connected, bind, host_port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def power_off(self) -> None:
        """Reset the chip as a board's reset does; the emulator's own reset omits this."""
        self.bus.power_off()
        self._bridge.has_address.clear()
        self._bridge.reset()

    async def _carry(
        self, guest_port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        bridge = self._bridge
        await bridge.has_address.wait()
        flow = TcpFlow(
            key=TcpFlowKey(guest_port, GATEWAY_IP, next(self._client_ports)),
            guest_mac=bridge.mac,
            guest_ip=bridge.ip,
            guest_iss=0,
            guest_next_seq=0,
            guest_window=0,
            mss=536,
            host_iss=random.getrandbits(32),
            reader=reader,
            writer=writer,
        )
        try:
            await bridge.inward.carry(flow)
        except (ConnectionRefusedError, TimeoutError):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST, so that the client sees a refusal and not an empty answer."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
