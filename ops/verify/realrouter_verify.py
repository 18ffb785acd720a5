#!/usr/bin/env python3
"""Verifies what a Realrouter log has signed, without Realrouter. Needs this file, Python 3.11+ and `pip install cryptography`.

    python realrouter_verify.py receipt FILE --key VKEY
    python realrouter_verify.py log DIR --key VKEY [--receipt FILE] [--checkpoint FILE]

`receipt` verifies that the log contains the event in the receipt, according to a checkpoint that the log's key signed, and prints
the event.
`log` verifies a copy of a log in a folder (its checkpoint, its hash tiles, and its entries if present): every hash up to the signed
root; that the log has each receipt's event at its place; that each older checkpoint is a beginning of the log.
VKEY is the log's public key, `name+id+key`, from a source that you trust. If it ends in `@SIZE`, its signatures on logs longer than
SIZE are ignored. With --witness VKEY, the checkpoint must have this witness's signature too.
Exit codes: 0 it holds, 1 it does not (the reason is printed), 2 wrong usage or an unreadable file.

The formats. An event's bytes are: version (1 byte, 1), position, stream version, recorded_at in microseconds (8 bytes each), then
stream, topic, command ID and state, each preceded by its length (4 bytes); all numbers are big-endian. A leaf hash is
SHA-256(0x00 + bytes), a node is SHA-256(0x01 + left + right), in the tree of RFC 6962; the event at position p is leaf p - 1.
A checkpoint is a signed note (C2SP signed-note, tlog-checkpoint) of origin, size and root; tiles are those of C2SP tlog-tiles; a
receipt is a C2SP tlog-proof whose `extra` line has the event's bytes. `entries/<N>` has the events of tile N, each preceded by its
length in 4 bytes.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import struct
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH, WIDTH = 32, 256
LOG_KEY, WITNESS_KEY = 1, 4
EMPTY_ROOT = hashlib.sha256(b"").digest()
LEAF_NUMBERS = struct.Struct(">BQQQ")
RECEIPT_BYTES_MAX, NOTE_LENGTH_MAX, SIGNATURES_MAX, EXTENSIONS_MAX = 24 << 20, 1 << 20, 100, 16


class Wrong(Exception):
    """The verification failed; the message says why."""


# --- hashes and trees ---------------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(peaks: list[bytes]) -> bytes:
    """The root over complete subtrees, given from the largest to the smallest."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root_by_proof(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof yields. Raises Wrong if the proof has the wrong length. RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        raise Wrong(f"leaf {index} is not in a tree of {size}")
    at, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Wrong("the proof is too long")
        if at % 2 or at == last:
            value = node_hash(sibling, value)
            while at and not at % 2:
                at, last = at // 2, last // 2
        else:
            value = node_hash(value, sibling)
        at, last = at // 2, last // 2
    if last:
        raise Wrong("the proof is too short")
    return value


class Tree:
    """A tree that leaves are appended to. `roots` has its root at each watched size."""

    def __init__(self, watched: set[int]) -> None:
        self.size, self.watched, self.roots = 0, watched, {0: EMPTY_ROOT}
        self.peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        rest = self.size
        while rest % 2:
            leaf = node_hash(self.peaks.pop(), leaf)
            rest //= 2
        self.peaks.append(leaf)
        self.size += 1
        if self.size in self.watched:
            self.roots[self.size] = fold(self.peaks)


# --- text forms, accepted in their canonical form only --------------------------------------------------------------------------


def from_base64(text: str, length: int | None = None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("this is not valid base64") from None
    if base64.b64encode(data).decode() != text or length not in (None, len(data)):
        raise Wrong("this base64 has the wrong length or is not canonical")
    return data


def plain(text: str) -> str:
    """The text, escaped if it contains control characters: the signer of a log may put anything into it."""
    return text if text.isprintable() else ascii(text)


def text_of(file: Path) -> str:
    data = file.read_bytes()
    if len(data) > RECEIPT_BYTES_MAX:
        raise Wrong(f"{file.name} is larger than any signed file can be")
    return data.decode()


def number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) >= 2**63:
        raise Wrong("a number is not in canonical form")
    return int(text)


class Key:
    """A public key: `name+id+base64(kind, key)`, with `@SIZE` if it is trusted only on logs of up to SIZE events. Raises
    ValueError."""

    def __init__(self, text: str) -> None:
        self.text = text
        match = re.fullmatch(r"([^\s+\x00-\x20]{1,200})\+([0-9a-f]{8})\+([^@]+)(?:@(0|[1-9][0-9]{0,18}))?", text)
        if match is None:
            raise ValueError("a key has the form name+id+key")
        try:
            data = from_base64(match[3], 33)
        except Wrong as error:
            raise ValueError(str(error)) from None
        self.name, self.kind, self.public = match[1], data[0], Ed25519PublicKey.from_public_bytes(data[1:])
        self.size_max = None if match[4] is None else int(match[4])
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        if self.id.hex() != match[2] or self.kind not in (LOG_KEY, WITNESS_KEY):
            raise ValueError("the key's id does not match the key, or its kind is unknown")

    def check(self, text: str, signature: bytes) -> None:
        message = text.encode()
        if self.kind == WITNESS_KEY:
            seconds, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            raise Wrong(f"the signature of {self.name} is not valid") from None


class Checkpoint:
    """A signed checkpoint with verified signatures. Raises Wrong."""

    def __init__(self, note: str, keys: list[Key]) -> None:
        head, separator, tail = note.rpartition("\n\n")
        if len(note) > NOTE_LENGTH_MAX or tail.count("\n") > SIGNATURES_MAX:
            raise Wrong("the checkpoint is too long, or has too many signatures")
        if not separator or not tail.endswith("\n") or any(char < " " and char != "\n" for char in note):
            raise Wrong("the checkpoint is not a signed note")
        text = head + "\n"
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or len(lines) > 4 + EXTENSIONS_MAX:
            raise Wrong("the checkpoint lacks an origin, a size or a root")
        self.origin, self.size, self.root = lines[0], number(lines[1]), from_base64(lines[2], HASH)
        self.signed_by: list[Key] = []
        for line in tail[:-1].split("\n"):
            match = re.fullmatch(r"\u2014 ([^\s+\x00-\x20]{1,200}) (.+)", line)
            if match is None:
                raise Wrong("a line after the note's text is not a signature")
            data = from_base64(match[2])
            if len(data) <= 4:
                raise Wrong("a signature of the note is too short")
            for key in keys:
                if (key.name, key.id) == (match[1], data[:4]):
                    key.check(text, data[4:])
                    if key.size_max is None or self.size <= key.size_max:
                        self.signed_by.append(key)
        if not any(key.kind == LOG_KEY and key.name == self.origin for key in self.signed_by):
            raise Wrong(f"no known key of the log {plain(self.origin[:100])} has signed this checkpoint")

    def witnessed(self, wanted: list[Key]) -> None:
        for key in wanted:
            if key not in self.signed_by:
                raise Wrong(f"the witness {key.name} has not signed this checkpoint")


class Event:
    """An event, parsed from its bytes. Raises Wrong."""

    def __init__(self, leaf: bytes) -> None:
        if len(leaf) < LEAF_NUMBERS.size or leaf[0] != 1:
            raise Wrong("the event's bytes are truncated, or of an unknown version")
        _, self.position, self.version, self.recorded_at_micros = LEAF_NUMBERS.unpack_from(leaf)
        at, parts = LEAF_NUMBERS.size, []
        for _ in range(4):
            start = at + 4
            if start > len(leaf):
                raise Wrong("the event's bytes are truncated")
            at = start + int.from_bytes(leaf[at:start], "big")
            parts.append(leaf[start:at])
        if at != len(leaf):
            raise Wrong("the event's bytes do not have the length that they state")
        try:
            self.stream, self.topic, self.command_id = (part.decode() for part in parts[:3])
        except UnicodeDecodeError:
            raise Wrong("a name in the event's bytes is not UTF-8") from None
        self.state = parts[3]

    def lines(self) -> list[str]:
        try:
            state = json.dumps(json.loads(self.state), indent=2, ensure_ascii=True)
        except ValueError:
            state = repr(self.state)
        since = timedelta(microseconds=min(self.recorded_at_micros, 250_000_000_000_000_000))
        recorded_at = (datetime(1970, 1, 1, tzinfo=UTC) + since).isoformat()
        return [
            f"event      {plain(self.topic)}, version {self.version} of {plain(self.stream)}",
            f"position   {self.position}, recorded at {recorded_at}, command {plain(self.command_id)}",
            f"state      {state}",
        ]


class Receipt:
    """An event, its inclusion proof and a signed checkpoint, verified without the log. Raises Wrong."""

    def __init__(self, text: str, keys: list[Key]) -> None:
        head, separator, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not separator or first != "c2sp.org/tlog-proof@v1" or len(lines) < 2:
            raise Wrong("this is not a receipt")
        if not lines[0].startswith("extra ") or not lines[1].startswith("index ") or len(lines) > 65:
            raise Wrong("the receipt has no event or no index, or its proof is too long")
        self.leaf, self.index = from_base64(lines[0].removeprefix("extra ")), number(lines[1].removeprefix("index "))
        self.event = Event(self.leaf)
        proof = [from_base64(line, HASH) for line in lines[2:]]
        self.checkpoint = Checkpoint(note, keys)
        if self.event.position != self.index + 1:
            raise Wrong(f"the event states position {self.event.position}, but the receipt states {self.index + 1}")
        if root_by_proof(self.index, self.checkpoint.size, leaf_hash(self.leaf), proof) != self.checkpoint.root:
            raise Wrong("the event and its inclusion proof do not match the checkpoint's root")


# --- a copy of a log, in a folder ---------------------------------------------------------------------------------------------


def path_of(level: str, index: int, width: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join((level, *reversed(groups))) + ("" if width == WIDTH else f".p/{width}")


def read_tile(folder: Path, level: int, index: int, width: int) -> list[bytes]:
    path = path_of(str(level), index, width)
    file, full = folder / "tile" / path, folder / "tile" / path_of(str(level), index, WIDTH)
    if not file.is_file() and not full.is_file():
        raise Wrong(f"tile {path} is missing")
    data = (file if file.is_file() else full).read_bytes()[: width * HASH]
    if len(data) != width * HASH:
        raise Wrong(f"tile {path} is too short")
    return [data[at : at + HASH] for at in range(0, len(data), HASH)]


def read_entries(folder: Path, index: int, width: int) -> list[bytes]:
    path = path_of("entries", index, width)
    if not (folder / path).is_file():
        raise Wrong(f"{path} is missing")
    data, at, entries = (folder / path).read_bytes(), 0, []
    while at < len(data):
        start = at + 4
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise Wrong(f"{path} does not have {width} complete events")
    return entries


class Above:
    """The tiles above level 0: each must consist of the roots of the full tiles below it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.unfinished: dict[int, list[bytes]] = {}
        self.done: dict[int, int] = {}

    def add(self, level: int, full_tile: list[bytes]) -> None:
        """Add a full tile of the level below `level`."""
        while len(full_tile) > 1:
            full_tile = [node_hash(full_tile[at], full_tile[at + 1]) for at in range(0, len(full_tile), 2)]
        made, index = self.unfinished.setdefault(level, []), self.done.get(level, 0)
        made.append(full_tile[0])
        width = min(WIDTH, self.size // WIDTH**level - index * WIDTH)
        if len(made) == width:
            if made != read_tile(self.folder, level, index, width):
                raise Wrong(f"tile {path_of(str(level), index, width)} does not match the tiles below it")
            if width == WIDTH:
                self.unfinished[level], self.done[level] = [], index + 1
                self.add(level + 1, made)


def check_log(folder: Path, checkpoint: Checkpoint, watched: set[int], receipts: list[Receipt]) -> tuple[Tree, bool]:
    """Verify every tile, and every entry if there are entries. Raises Wrong, naming the place."""
    tree, above, whole = (
        Tree(watched | {checkpoint.size}),
        Above(folder, checkpoint.size),
        (folder / "entries").is_dir(),
    )
    wanted = {receipt.index: receipt for receipt in receipts}
    for index in range(-(-checkpoint.size // WIDTH)):
        width = min(WIDTH, checkpoint.size - index * WIDTH)
        hashes = read_tile(folder, 0, index, width)
        for offset, entry in enumerate(read_entries(folder, index, width) if whole else ()):
            position = index * WIDTH + offset + 1
            if leaf_hash(entry) != hashes[offset]:
                raise Wrong(f"event {position} is not the one that tile {path_of('0', index, width)} was made from")
            if Event(entry).position != position:
                raise Wrong(f"the event in place {position} has another position in it")
        for offset, value in enumerate(hashes):
            receipt = wanted.get(index * WIDTH + offset)
            if receipt is not None and leaf_hash(receipt.leaf) != value:
                raise Wrong(f"the log lacks the receipt's event: position {receipt.event.position} has another one")
            tree.append(value)
        if width == WIDTH:
            above.add(1, hashes)
    if tree.roots[checkpoint.size] != checkpoint.root:
        raise Wrong(f"the tiles do not match the root that was signed at {checkpoint.size} events")
    return tree, whole


def check_earlier(tree: Tree, checkpoint: Checkpoint, earlier: Checkpoint) -> None:
    if earlier.origin != checkpoint.origin:
        raise Wrong(
            f"these are checkpoints of two different logs: {earlier.origin[:100]} and {checkpoint.origin[:100]}"
        )
    if earlier.size > checkpoint.size:
        raise Wrong(f"the log ends at {checkpoint.size}, but a checkpoint of size {earlier.size} was signed")
    if tree.roots[earlier.size] != earlier.root:
        raise Wrong(f"the log does not begin as it was signed at size {earlier.size}")


# --- the commands -------------------------------------------------------------------------------------------------------------


def signed_by(checkpoint: Checkpoint) -> list[str]:
    lines = [
        f"checkpoint {checkpoint.origin}, size {checkpoint.size}, root {base64.b64encode(checkpoint.root).decode()}"
    ]
    return lines + [f"signed by  {key.text}" for key in checkpoint.signed_by]


def receipt_command(arguments: argparse.Namespace) -> list[str]:
    receipt = Receipt(text_of(arguments.file), arguments.key + arguments.witness)
    receipt.checkpoint.witnessed(arguments.witness)
    return [*receipt.event.lines(), *signed_by(receipt.checkpoint)]


def log_command(arguments: argparse.Namespace) -> list[str]:
    keys = arguments.key + arguments.witness
    checkpoint = Checkpoint(text_of(arguments.folder / "checkpoint"), keys)
    checkpoint.witnessed(arguments.witness)
    receipts = [Receipt(text_of(file), keys) for file in arguments.receipt]
    earlier = [Checkpoint(text_of(file), keys) for file in arguments.checkpoint]
    earlier += [receipt.checkpoint for receipt in receipts]
    watched = {each.size for each in earlier}
    tree, whole = check_log(arguments.folder, checkpoint, watched, receipts)
    for each in earlier:
        check_earlier(tree, checkpoint, each)
    what = "every event and every tile was" if whole else "there are no events in this copy: every tile was"
    return [
        *signed_by(checkpoint),
        f"checked    {what} hashed; {len(earlier)} earlier checkpoints are beginnings of it",
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    receipt, log = commands.add_parser("receipt"), commands.add_parser("log")
    for command in (receipt, log):
        command.add_argument("--key", type=Key, action="append", required=True, metavar="VKEY")
        command.add_argument("--witness", type=Key, action="append", default=[], metavar="VKEY")
    receipt.add_argument("file", type=Path)
    receipt.set_defaults(run=receipt_command)
    log.add_argument("folder", type=Path)
    log.add_argument("--receipt", type=Path, action="append", default=[], metavar="FILE")
    log.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="FILE")
    log.set_defaults(run=log_command)
    arguments = parser.parse_args(argv)
    try:
        print("\n".join(["It holds.", *arguments.run(arguments)]))
    except (Wrong, UnicodeDecodeError) as error:
        print(f"IT DOES NOT HOLD: {error}.")
        return 1
    except OSError as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
