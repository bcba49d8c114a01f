"""Access to the broker: certificates and passwords, as the board and the gateway see them."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.helpers.brokers import LOGIN, MOSQUITTO, NO_MOSQUITTO, Broker
from tests.helpers.mail import mail, write
from torpor_sim import Simulator
from torpor_tools.link import build

needs_mosquitto = pytest.mark.skipif(not MOSQUITTO, reason=NO_MOSQUITTO)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    ca: bool,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(by, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def authority(folder: Path) -> Path:
    """Return a folder with the files of a CA and of the broker ``localhost``."""
    folder.mkdir()
    ca, broker = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    (folder / "ca.pem").write_bytes(_certificate("our CA", ca, "our CA", ca, True))
    (folder / "cert.pem").write_bytes(_certificate("localhost", broker, "our CA", ca, False))
    (folder / "key.pem").write_bytes(
        broker.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@needs_mosquitto
async def test_over_tls(tmp_path: Path) -> None:
    tls = authority(tmp_path / "tls")
    root = tmp_path / "cluster"
    root.mkdir()
    (root / "ca.pem").write_bytes((tls / "ca.pem").read_bytes())
    broker = Broker("mosquitto", tmp_path / "broker", tls)
    async with mail(root, broker, ca=Path("ca.pem")) as box:
        box.close()
        await box.sleeps()
        message = await box.http.post("/items", json={"n": 1}, headers={"Prefer": "respond-async"})
        box.wake()
        while (answer := await box.http.get(message.headers["location"])).status_code == 202:
            pass
        assert answer.json()["n"] == 1


@needs_mosquitto
async def test_a_broker_with_the_certificate_of_another_ca(tmp_path: Path) -> None:
    other = authority(tmp_path / "other")
    broker = Broker("mosquitto", tmp_path / "broker", authority(tmp_path / "tls"))
    await refused(tmp_path, broker, "broker: ", ca=other / "ca.pem")


@pytest.mark.parametrize("kind", ["nats", pytest.param("mosquitto", marks=needs_mosquitto)])
async def test_a_wrong_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("TORPOR_MAILBOX_PASSWORD", "guessed")
    assert LOGIN["password"] != "guessed"
    broker = Broker(kind, tmp_path / "broker")
    await refused(tmp_path, broker, "broker: user lacks access")


async def refused(tmp_path: Path, broker: Broker, text: str, ca: Path | None = None) -> None:
    """Check that the board cannot connect, logs it, and still sleeps."""
    plan = write(tmp_path / "cluster", broker, ca=ca)
    image = build(plan, "box", tmp_path / "build", types=False)
    broker.start()
    try:
        async with Simulator([image], ports="os") as sim:
            box = sim.board("box")
            box.inputs.pin(4, 1)
            await box.wait_log(text)
            await box.wait_trace("deepsleep")
            if ca:
                assert any("not correctly signed" in str(line) for line in box.log)
    finally:
        broker.stop()
