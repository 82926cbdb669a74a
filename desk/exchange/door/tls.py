"""TLS on loopback: a certificate made at the start, whose authority clients are told to trust, or one that is given."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Made anew at each start: no run is longer, and none that is forgotten is trusted for long.
_VALID_FOR = timedelta(days=30)
# Clocks of containers and virtual machines lag behind at times.
_VALID_SINCE = timedelta(days=1)
_LOOPBACK = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(a)) for a in ("127.0.0.1", "::1"))]


class Issued(NamedTuple):
    """PEM texts of a server's certificate, its key, and the authority that vouches for it."""

    certificate: bytes
    key: bytes
    authority: bytes


def made(trust: Path) -> ssl.SSLContext:
    """For a new certificate; what clients are to trust is written to the file, and no key is kept.

    Raises OSError if the file cannot be written.
    """
    issued = issue()
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "server.pem"
        both.write_bytes(issued.certificate + issued.key)
        context = given(both, both)
    trust.parent.mkdir(parents=True, exist_ok=True)
    trust.write_bytes(issued.authority)
    return context


def given(certificate: Path, key: Path) -> ssl.SSLContext:
    """For a certificate (with its chain) and its key in PEM files. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def issue() -> Issued:
    """A certificate for loopback, signed by an authority of its own.

    Not by itself: some clients (rustls) refuse a server that is its own authority.
    """
    authority, signing = _authority()
    certificate, key = _server(authority, signing)
    texts = [c.public_bytes(Encoding.PEM) for c in (certificate, authority)]
    return Issued(texts[0], key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), texts[1])


def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("repeg simulated exchange, for tests")
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        **dict.fromkeys(
            (
                *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
                *("key_agreement", "encipher_only", "decipher_only"),
            ),
            False,
        ),
    )
    builder = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def _server(
    authority: x509.Certificate, signing: ec.EllipticCurvePrivateKey
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name("localhost"), authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_LOOPBACK), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    return builder.sign(signing, hashes.SHA256()), key


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID_SINCE)
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
