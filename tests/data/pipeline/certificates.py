"""Certificates for a day: an authority, and what it signs for this machine."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def made_certificates(folder: Path) -> dict[str, Path]:
    """Files `ca`, `certificate` and `key` of a new authority."""
    folder.mkdir(parents=True)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {folder.name}")])
    ca = _signed(ca_name, ca_key.public_key(), ca_name, ca_key, x509.BasicConstraints(True, None))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    own = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = _signed(name, key.public_key(), ca_name, ca_key, own)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = serialization.Encoding.PEM
    files = {"ca": ca.public_bytes(public), "certificate": certificate.public_bytes(public), "key": private}
    for kind, data in files.items():
        (folder / f"{kind}.pem").write_bytes(data)
    return {kind: folder / f"{kind}.pem" for kind in files}


def _signed(
    name: x509.Name, public: ec.EllipticCurvePublicKey, ca: x509.Name, key: ec.EllipticCurvePrivateKey, extra: object
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca).public_key(public)
    builder = builder.serial_number(x509.random_serial_number()).add_extension(extra, critical=False)
    return (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
