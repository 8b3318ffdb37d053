"""A minimal WebAuthn authenticator for tests: ES256, attestation "none", with answers that can be falsified."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "https://portal.example.com"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Key:
    """A passkey on the device."""

    handle: bytes
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0

    @property
    def public(self) -> bytes:
        """The public key in COSE format."""
        numbers = self.private.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})


@dataclass
class Device:
    """A phone or a security key.

    Attributes:
        counts: whether its keys have a signature counter.
        verifies: whether it verifies its user (UV).
        origin: the origin it signs.
        site: the relying-party id it signs; empty for the requested one.
        keys: its passkeys, oldest first.
    """

    counts: bool = True
    verifies: bool = True
    origin: str = ORIGIN
    site: str = ""
    keys: list[Key] = field(default_factory=list)

    def _data(self, site: str, key: Key, more: int = 0) -> bytes:
        if self.counts:
            key.count += 1
        flags = PRESENT | (VERIFIED if self.verifies else 0) | more
        return hashlib.sha256((self.site or site).encode()).digest() + bytes([flags]) + key.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def create(self, task: dict[str, Any]) -> str:
        """Create a passkey by the creation options; return the browser's answer as JSON."""
        key = Key(unb64(task["user"]["id"]))
        assert b64(key.id) not in [known["id"] for known in task["excludeCredentials"]]
        self.keys.append(key)
        attested = bytes(16) + len(key.id).to_bytes(2, "big") + key.id + key.public
        data = self._data(task["rp"]["id"], key, ATTESTED) + attested
        response = {
            "clientDataJSON": b64(self._client("webauthn.create", task["challenge"])),
            "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal"],
        }
        return self._sent(key, response)

    def get(self, task: dict[str, Any], key: Key | None = None, **bent: Any) -> str:
        """Answer the request options with `key` or the newest passkey; `bent` replaces parts of the response."""
        key = key or self.keys[-1]
        client, data = self._client("webauthn.get", task["challenge"]), self._data(task["rpId"], key)
        signature = key.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        return self._sent(key, {**response, "userHandle": b64(key.handle), **bent})

    def _sent(self, key: Key, response: dict[str, Any]) -> str:
        kept = {name: value for name, value in response.items() if value is not None}
        return json.dumps({"id": b64(key.id), "rawId": b64(key.id), "type": "public-key", "clientExtensionResults": {}, "response": kept})
