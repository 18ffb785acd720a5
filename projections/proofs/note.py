"""Signed notes, as defined by C2SP signed-note, and witnesses' cosignatures (cosignature/v1), both with Ed25519.

Rule 1: a note is text that ends in a line break, an empty line, and signature lines. Only its canonical form is accepted.
Rule 2: a key is identified by its name and id together. Signatures of unknown keys are kept but do not count.
Rule 3: a note is valid if a known key signed it and no signature with a known key's name and id is wrong.
Rule 4: a witness signs the text together with the time of its signature.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from projections.proofs.errors import ProofInvalid

ED25519 = 1
COSIGNATURE = 4
NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
KEY_LENGTH_MAX = 500
_NAME = re.compile(r"[^\s+\x00-\x20]{1,200}")
_BOUND = re.compile(r"@(0|[1-9][0-9]{0,18})\Z", re.ASCII)
_KEY_ID_BYTES, _KEY_BYTES, _TIME_BYTES = 4, 32, 8
_SEPARATOR, _DASH = "\n\n", "\N{EM DASH} "
_PRIVATE = "PRIVATE+KEY+"


class Signature(NamedTuple):
    """A signature line: the key that it names, and the signature."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name. As text it is `name+id+key`: the id in hexadecimal, the type and key in base64. A suffix `@SIZE`
    means that its signatures on logs of more than SIZE events do not count, because the key has leaked."""

    name: str
    public: bytes
    kind: int = ED25519
    size_max: int | None = None

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self._key).digest()[:_KEY_ID_BYTES]

    @property
    def _key(self) -> bytes:
        return bytes([self.kind]) + self.public

    def __str__(self) -> str:
        bound = "" if self.size_max is None else f"@{self.size_max}"
        return f"{self.name}+{self.key_id.hex()}+{b64encode(self._key).decode()}{bound}"

    def speaks_for(self, size: int) -> bool:
        """Whether its signature on a log of this size counts."""
        return self.size_max is None or size <= self.size_max

    def made(self, signature: Signature) -> bool:
        """Whether the signature names this key."""
        return signature.name == self.name and compare_digest(signature.key_id, self.key_id)

    def check(self, text: str, signature: Signature) -> int | None:
        """Verify a signature. Returns the time of a witness's signature in seconds since 1970, else None. Raises ProofInvalid."""
        seconds, value, message = None, signature.value, text.encode()
        if self.kind == COSIGNATURE:
            seconds, value = int.from_bytes(value[:_TIME_BYTES]), value[_TIME_BYTES:]
            message = cosigned(text, seconds)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except InvalidSignature as error:
            raise ProofInvalid(f"The signature of {self.name} is not valid.") from error
        return seconds


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its name. Its repr does not show it; `text()` returns it for storage."""

    name: str
    key: Ed25519PrivateKey
    kind: int = ED25519

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.key.public_key().public_bytes_raw(), self.kind)

    def __repr__(self) -> str:
        return f"Signer({self.name!r}, ****)"

    def text(self) -> str:
        """`PRIVATE+KEY+name+id+key`."""
        secret = b64encode(bytes([self.kind]) + self.key.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{secret}"

    def sign(self, text: str) -> Signature:
        assert self.kind == ED25519, "a witness signs with the instant"
        return Signature(self.name, self.verifier.key_id, self.key.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> Signature:
        """A witness's signature on a checkpoint's text, at this time (seconds since 1970)."""
        assert self.kind == COSIGNATURE, "only a witness's key cosigns"
        value = seconds.to_bytes(_TIME_BYTES) + self.key.sign(cosigned(text, seconds))
        return Signature(self.name, self.verifier.key_id, value)


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, in order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)


def generate(name: str, kind: int = ED25519) -> Signer:
    """A new key. Raises ProofInvalid if the name is not valid."""
    return Signer(checked_name(name), Ed25519PrivateKey.generate(), kind)


def checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ProofInvalid("A key's name must have 1 to 200 characters, without spaces or plus signs.")
    return name


def parse_verifier(text: str) -> Verifier:
    """Raises ProofInvalid."""
    bound = _BOUND.search(text)
    name, key_id, kind, public = _key(text if bound is None else text[: bound.start()])
    verifier = Verifier(name, public, kind, None if bound is None else int(bound[1]))
    if verifier.key_id != key_id:
        raise ProofInvalid("The key's id does not belong to its name and key.")
    return verifier


def parse_signer(text: str) -> Signer:
    """Raises ProofInvalid, which never repeats the text."""
    if not text.startswith(_PRIVATE):
        raise ProofInvalid(f"A private key must start with {_PRIVATE}.")
    name, key_id, kind, secret = _key(text.removeprefix(_PRIVATE))
    signer = Signer(name, Ed25519PrivateKey.from_private_bytes(secret), kind)
    if signer.verifier.key_id != key_id:
        raise ProofInvalid("The key's id does not belong to its name and key.")
    return signer


def signed(text: str, signers: Iterable[Signer]) -> Note:
    """The text, signed by each signer."""
    return Note(text, tuple(signer.sign(text) for signer in signers))


def parse_note(data: str) -> Note:
    """Parse a note in canonical form. Raises ProofInvalid."""
    if len(data) > NOTE_BYTES_MAX or any(char < " " and char != "\n" for char in data):
        raise ProofInvalid("This is not a signed note: it is too large or contains control characters.")
    head, separator, lines = data.rpartition(_SEPARATOR)
    if not separator or not lines.endswith("\n"):
        raise ProofInvalid("This is not a signed note: it must have a text, an empty line and signatures.")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > SIGNATURES_MAX:
        raise ProofInvalid(f"The note has more than {SIGNATURES_MAX} signatures.")
    return Note(head + "\n", tuple(signatures))


def check_note(note: Note, verifiers: Sequence[Verifier]) -> list[tuple[Verifier, int | None]]:
    """The known keys that signed, and when, if stated. Raises ProofInvalid if none did, or if a signature is wrong."""
    found = [
        (verifier, verifier.check(note.text, signature))
        for signature in note.signatures
        for verifier in verifiers
        if verifier.made(signature)
    ]
    if not found:
        raise ProofInvalid("No known key has signed this.")
    return found


def cosigned(text: str, seconds: int) -> bytes:
    """The bytes that a witness signs."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def decode_base64(text: str, *, length: int | None = None) -> bytes:
    """The bytes of canonical base64. Raises ProofInvalid."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofInvalid("This is not valid base64.") from error
    if b64encode(data).decode() != text or (length is not None and len(data) != length):
        raise ProofInvalid("This base64 has the wrong length or is not canonical.")
    return data


def _key(text: str) -> tuple[str, bytes, int, bytes]:
    name, _, rest = text.partition("+")
    hexadecimal, _, encoded = rest.partition("+")
    if len(text) > KEY_LENGTH_MAX or not re.fullmatch(r"[0-9a-f]{8}", hexadecimal):
        raise ProofInvalid("A key must have the form name+id+key: the id is 8 hexadecimal digits, the key is base64.")
    data = decode_base64(encoded, length=1 + _KEY_BYTES)
    if data[0] not in (ED25519, COSIGNATURE):
        raise ProofInvalid("This type of key is not supported. Supported: Ed25519 (1) and cosignature/v1 (4).")
    return checked_name(name), bytes.fromhex(hexadecimal), data[0], data[1:]


def _signature(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        raise ProofInvalid("A line after the note's text is not a signature.")
    data = decode_base64(encoded)
    if len(data) <= _KEY_ID_BYTES:
        raise ProofInvalid("A signature of the note is too short.")
    return Signature(checked_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])
