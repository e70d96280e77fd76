"""A Merkle sum tree over the holders of a class (D50), in the shape of RFC 6962.

A *node* is 40 bytes: a SHA-256 and the units below it, unsigned, 64 bits, big-endian. Every node commits to both sums
below it, so that no holder can be left out of the total and none can be counted with less than nothing.

    leaf = SHA-256(0x00 ‖ salt ‖ holder as UTF-8 ‖ units)        node = SHA-256(0x01 ‖ left ‖ right)

The leaves stand in ascending order of their hash. The tree splits at the largest power of two below their number, which
is the same as pairing neighbours level by level and passing an odd last one up. So blocks of a power of two of leaves
are whole subtrees: ``Forest`` hashes a block at a time. Nothing here knows a database.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import add
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MOST = 2**63 - 1  # units: what the ledger can count
HASH, UNITS, SALT = 32, 8, 32
NODE = HASH + UNITS
ROW = 2 * UNITS  # units and holder of a leaf, in that order, both 64 bits big-endian: what a block keeps of it
BLOCK = 4096  # leaves; a power of two
LONGEST = 64  # steps of a path: more leaves than there can be holders


class TooMany(ArithmeticError):
    """The sum is beyond what the ledger can count (2^63 − 1)."""


def leaf(*, salt: bytes, holder: str, units: int) -> bytes:
    """The node of one holder. Raises struct.error for less than no units, TooMany, ValueError for a wrong salt."""
    if len(salt) != SALT:
        raise ValueError("a salt has 32 bytes")
    packed = struct.pack(">Q", _counted(units))
    return sha256(b"\0" + salt + holder.encode() + packed).digest() + packed


def join(left: bytes, right: bytes) -> bytes:
    """The node above two. Raises TooMany."""
    units = _counted(units_of(left) + units_of(right))
    return sha256(b"\1" + left + right).digest() + struct.pack(">Q", units)


def units_of(node: bytes) -> int:
    return int.from_bytes(node[HASH:])


def _counted(units: int) -> int:
    if units > MOST:
        raise TooMany(units)
    return units


def salts(secret: bytes, rows: bytes) -> bytes:
    """The salts of the holders of some rows, one behind the other: AES-256 of their numbers under the secret.

    Holder h has the blocks (h, 0) and (h, 1). To whoever lacks the secret they are random; no two holders share one.
    """
    blocks = bytearray(SALT * (len(rows) // ROW))
    for place in range(UNITS):
        blocks[place::SALT] = blocks[UNITS * 2 + place :: SALT] = rows[UNITS + place :: ROW]
    blocks[SALT - 1 :: SALT] = b"\1" * (len(rows) // ROW)
    # Every block is another one and none is a message: what shows patterns of a text in this mode is not there.
    return Cipher(algorithms.AES256(secret), modes.ECB()).encryptor().update(bytes(blocks))  # nosec B305


def as_rows(holdings: Iterable[tuple[int, int]]) -> bytes:
    """Holders and their units as rows."""
    return b"".join(struct.pack(">QQ", units, holder) for holder, units in holdings)


def leaves(secret: bytes, rows: bytes) -> list[bytes]:
    """The node and the holder (48 bytes) of each row, at the pace of the hashing."""
    key = salts(secret, rows)
    holders = struct.unpack(f">{'8xQ' * (len(rows) // ROW)}", rows)
    return [
        sha256(b"\0%b%d%b" % (key[2 * k : 2 * k + SALT], holder, rows[k : k + UNITS])).digest() + rows[k : k + ROW]
        for holder, k in zip(holders, range(0, len(rows), ROW), strict=True)
    ]


def levels(nodes: list[bytes]) -> Iterator[list[bytes]]:
    """The nodes, and every level above them up to the root alone. Raises TooMany."""
    yield nodes
    while len(nodes) > 1:
        above = [join(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
        nodes = above + nodes[-1:] if len(nodes) % 2 else above
        yield nodes


def top(nodes: bytes) -> bytes:
    """The root above nodes that lie one behind the other, as ``levels`` finds it, at the pace of the hashing.

    Raises struct.error where a sum does not fit into 64 bits; what is above 2^63 − 1 is for the caller to refuse.
    """
    sums: Sequence[int] = struct.unpack(f">{'32xQ' * (len(nodes) // NODE)}", nodes)
    while len(sums) > 1:
        pairs = len(sums) // 2
        above = list(map(add, sums[: 2 * pairs : 2], sums[1::2]))
        packed = struct.pack(f">{pairs}Q", *above)
        hashed = [
            sha256(b"\1" + nodes[2 * k : 2 * k + 2 * NODE]).digest() + packed[k // 5 : k // 5 + UNITS]
            for k in range(0, pairs * NODE, NODE)
        ]
        if len(sums) % 2:
            hashed.append(nodes[-NODE:])
            above.append(sums[-1])
        nodes, sums = b"".join(hashed), above
    return nodes


@dataclass(frozen=True)
class Step:
    """The node beside one's own on the way up, and on which side it stands."""

    side: str
    node: bytes


def path(nodes: list[bytes], place: int) -> list[Step]:
    """The way from one of the nodes to the root."""
    steps = []
    for level in levels(nodes):
        if (beside := place ^ 1) < len(level):
            steps.append(Step("left" if place % 2 else "right", level[beside]))
        place //= 2
    return steps


@dataclass(frozen=True)
class Block:
    """A whole subtree: the hash of its first leaf, its root, and the rows of its leaves in their order."""

    first: bytes
    node: bytes
    rows: bytes


def blocks(found: list[bytes], *, size: int = BLOCK) -> Iterator[Block]:
    """Put what ``leaves`` found in order, in place, and hash it block by block; ``size`` is a power of two."""
    found.sort()
    for start in range(0, len(found), size):
        here = found[start : start + size]
        yield Block(
            here[0][:HASH],
            top(b"".join([one[:NODE] for one in here])),
            b"".join([one[HASH:] for one in here]),
        )


# ── checking a proof ──


class Wrong(Exception):
    """A proof does not hold; ``code`` says what is wrong with it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


NAMES = {"class", "date", "holder", "salt", "units", "path", "root", "total_units"}
STEP_NAMES = {"side", "hash", "units"}
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Proof:
    """A proof that was read: what it says, and the way up. ``holds`` by ``check`` alone."""

    unit_class: str
    day: str
    holder: str
    salt: bytes
    units: int
    path: tuple[Step, ...]
    root: bytes
    total: int


def read(given: Any) -> Proof:
    """A proof from the JSON that the citizen downloads. Raises Wrong: not_a_proof, units_out_of_range."""
    if not isinstance(given, Mapping) or not given.keys() >= NAMES:
        raise Wrong("not_a_proof")
    steps = given["path"]
    if not isinstance(steps, list) or len(steps) > LONGEST:
        raise Wrong("not_a_proof")
    return Proof(
        _text(given["class"]),
        _text(given["date"]),
        _text(given["holder"]),
        _hex(given["salt"]),
        _number(given["units"]),
        tuple(map(_step, steps)),
        _hex(given["root"]),
        _number(given["total_units"]),
    )


def _step(given: Any) -> Step:
    if not isinstance(given, Mapping) or not given.keys() >= STEP_NAMES or given["side"] not in ("left", "right"):
        raise Wrong("not_a_proof")
    return Step(given["side"], _hex(given["hash"]) + struct.pack(">Q", _number(given["units"])))


def _text(given: Any) -> str:
    if not isinstance(given, str) or len(given) > 64 or not given.isprintable():
        raise Wrong("not_a_proof")
    return given


def _hex(given: Any) -> bytes:
    if not isinstance(given, str) or not HEX.fullmatch(given):
        raise Wrong("not_a_proof")
    return bytes.fromhex(given)


def _number(given: Any) -> int:
    """Units as the format writes them: a plain number, not negative, no more than 2^63 − 1."""
    if not isinstance(given, str) or not re.fullmatch(r"-?[0-9]{1,40}", given, re.ASCII):
        raise Wrong("not_a_proof")
    if not NUMBER.fullmatch(given) or int(given) > MOST:
        raise Wrong("units_out_of_range")
    return int(given)


def check(proof: Proof) -> None:
    """Walk from the leaf to the root. Raises Wrong: units_out_of_range, another_total, another_root."""
    node = leaf(salt=proof.salt, holder=proof.holder, units=proof.units)
    for step in proof.path:
        try:
            node = join(node, step.node) if step.side == "right" else join(step.node, node)
        except TooMany:
            raise Wrong("units_out_of_range") from None
    if units_of(node) != proof.total:
        raise Wrong("another_total")
    if node[:HASH] != proof.root:
        raise Wrong("another_root")
