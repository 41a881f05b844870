"""Message signing of the second version of the push.

The body is encrypted with a fresh AES key and that key with Airtel's RSA key; Airtel decrypts both and compares.
The body itself still travels readable, so the bytes signed and the bytes sent must be the same object.
"""

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_der_public_key

from payments.errors import NotSent

_UNREADABLE = "Airtel Money's key for signing cannot be read, so nothing was sent. Try again later."


def public_key(text: str) -> RSAPublicKey:
    """The RSA key in base64 DER. Raises `NotSent` for anything else."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise NotSent(_UNREADABLE) from None
    if not isinstance(key, RSAPublicKey):
        raise NotSent(_UNREADABLE)
    return key


def signed_headers(body: bytes, key: RSAPublicKey) -> Mapping[str, str]:
    """The two headers that prove `body`. Raises `NotSent` when the RSA key is too small for it."""
    secret, vector = os.urandom(32), os.urandom(16)
    try:
        sealed = key.encrypt(sealed_text(secret, vector), PKCS1v15())
    except ValueError:
        raise NotSent(_UNREADABLE) from None
    return {"x-signature": signature(body, secret, vector), "x-key": _text(sealed)}


def signature(body: bytes, secret: bytes, vector: bytes) -> str:
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(secret), CBC(vector)).encryptor()
    return _text(encryptor.update(padder.update(body) + padder.finalize()) + encryptor.finalize())


def sealed_text(secret: bytes, vector: bytes) -> bytes:
    """What is encrypted with Airtel's key."""
    return f"{_text(secret)}:{_text(vector)}".encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
