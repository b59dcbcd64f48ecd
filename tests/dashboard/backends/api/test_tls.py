"""Over TLS, as every real endpoint is: one handshake per connection, and no trust in strangers."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.dashboard.backends.api.conftest import MakeBackend
from tests.dashboard.backends.api.scripted_endpoint import ScriptedEndpoint
from tests.dashboard.backends.made_up_tasks import ids, many, outcomes, write_tables


def write_certificate(path: Path) -> None:
    """A key and a certificate for 127.0.0.1 that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted endpoint")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    write_certificate(path)
    return path


@pytest.fixture
def secure(tmp_path: Path, certificate: Path) -> Iterator[ScriptedEndpoint]:
    write_tables(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with ScriptedEndpoint(tmp_path, tls=context) as serving:
        yield serving


def test_a_certificate_that_is_trusted(
    secure: ScriptedEndpoint,
    make: MakeBackend,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    backend = make(endpoint=secure.address, max_in_flight=3)
    done, failed = outcomes(list(backend.run(many(20), threading.Event())))
    assert (set(done), failed) == (set(ids(many(20))), {})
    assert secure.arrived == dict.fromkeys(ids(many(20)), 1)
    assert len(secure.connections) <= 3


def test_a_certificate_that_nobody_knows(secure: ScriptedEndpoint, make: MakeBackend) -> None:
    """Nothing is sent, and least of all a signature."""
    backend = make(endpoint=secure.address)
    done, failed = outcomes(list(backend.run(many(5), threading.Event())))
    assert (done, set(failed)) == ({}, set(ids(many(5))))
    assert {failure.error["code"] for failure in failed.values()} == {"untrusted_certificate"}
    message = failed[ids(many(5))[0]].error["message"]
    assert message.startswith("Expected a certificate of 127.0.0.1 that this machine trusts")
    assert "self" in message
    assert secure.seen == []
