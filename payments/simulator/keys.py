"""The key pairs of the simulated gateways. Made once per process; private keys stay in memory."""

import base64
import functools
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.x509.oid import NameOID


@functools.cache
def private_key(owner: str) -> rsa.RSAPrivateKey:
    """The key of `owner`, `mpesa` or `airtel`."""
    del owner
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def certificate() -> bytes:
    """The self-signed certificate, PEM, with which shops encrypt the initiator's password."""
    key = private_key("mpesa")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "M-Pesa simulator")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def public_key(owner: str) -> str:
    """Base64 of the DER SubjectPublicKeyInfo."""
    der = (
        private_key(owner)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def decrypt(owner: str, text: str) -> str:
    """What was encrypted for `owner` (RSA, PKCS#1 v1.5, base64); nothing when it was not.

    OpenSSL answers a wrong padding with made-up bytes instead of an error; those then match nothing.
    """
    try:
        return private_key(owner).decrypt(base64.b64decode(text, validate=True), PKCS1v15()).decode()
    except ValueError:
        return ""


def signed_body(x_key: str, x_signature: str) -> bytes | None:
    """The body that Airtel's v2 signature was made over; None when it cannot be read."""
    try:
        key, _, vector = decrypt("airtel", x_key).partition(":")
        aes, iv = base64.b64decode(key, validate=True), base64.b64decode(vector, validate=True)
        if len(aes) != 32:
            return None
        decryptor = Cipher(AES(aes), CBC(iv)).decryptor()
        padded = decryptor.update(base64.b64decode(x_signature, validate=True)) + decryptor.finalize()
        unpadder = padding.PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None
