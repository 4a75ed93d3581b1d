"""A certificate of our own making, for clients that insist on https://web.whatsapp.com."""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST_NAMES = ["web.whatsapp.com", "localhost"]
VALID_DAYS = 365


def make_context() -> ssl.SSLContext:
    """Returns a server context with a new self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="wa-simulator-") as folder:
        pem = Path(folder) / "certificate.pem"
        write_certificate(pem)
        context.load_cert_chain(pem)
    return context


def write_certificate(pem: Path) -> None:
    """Writes a new self-signed certificate, and its key, into one file for us alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key)
    pem.touch(mode=0o600)
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


def _sign(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "wa-manager simulator")])
    now = datetime.now(UTC)
    names = [x509.DNSName(host) for host in HOST_NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .sign(key, hashes.SHA256())
    )
