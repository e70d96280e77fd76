"""A Merkle sum tree over the holders of a class (D50), in the shape of RFC 6962.

A *node* is 40 bytes: a SHA-256 and the units below it, unsigned, 64 bits, big-endian. Every node commits to both sums
below it, so that no holder can be left out of the total and none can be counted with less than nothing.

    leaf = SHA-256(0x00 ‖ salt ‖ holder as UTF-8 ‖ units)        node = SHA-256(0x01 ‖ left ‖ right)

The leaves stand in ascending order of their hash. The tree splits at the largest power of two below their number, which
is the same as pairing neighbours level by level and passing an odd last one up. So blocks of a power of two of leaves
are whole subtrees: a ``Tree`` has them planted side by side. Nothing here knows a database.

``leaf``, ``join`` and ``levels`` say what a tree is; ``nodes`` and ``top`` do the same in tables of bytes, a message a
row, so that of a million holders little is left but the hashing.
"""

import re
import struct
from collections.abc import Buffer, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from fund.register import beside

MOST = 2**63 - 1  # units: what the ledger can count
HASH, UNITS, SALT = 32, 8, 32
NODE = HASH + UNITS
ROW = 2 * UNITS  # units and holder of a leaf, in that order, both 64 bits big-endian: what a block keeps of it
BLOCK = 4096  # leaves; a power of two
SHARE = 16 * BLOCK  # leaves that are worth a process of their own
TENS = 10 ** np.arange(19, dtype=np.uint64)
LONGEST = 64  # steps of a path: more leaves than there can be holders

Table = NDArray[np.uint8]  # a message, node or leaf a row


class TooMany(ArithmeticError):
    """Units, or a sum of them, beyond what the ledger can count (2^63 − 1)."""


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
    blocks = np.zeros((len(rows) // ROW, 4), ">u8")
    blocks[:, 0] = blocks[:, 2] = np.frombuffer(rows, ">u8")[1::2]
    blocks[:, 3] = 1
    # Every block is another one and none is a message: what shows patterns of a text in this mode is not there.
    return Cipher(algorithms.AES256(secret), modes.ECB()).encryptor().update(blocks.tobytes())  # nosec B305


def as_rows(holdings: Iterable[tuple[int, int]]) -> bytes:
    """Holders and their units as rows."""
    return b"".join(struct.pack(">QQ", units, holder) for holder, units in holdings)


def nodes(secret: bytes, rows: bytes) -> list[bytes]:
    """The node of each row, at the pace of the hashing."""
    pieces = [rows[k : k + BLOCK * ROW] for k in range(0, len(rows), BLOCK * ROW)]
    return [node for some in pieces for node in _one_by_one(_nodes(_hashes(secret, some), _table(some, ROW)))]


def _nodes(hashes: Table, rows: Table) -> Table:
    return np.concatenate([hashes, rows[:, :UNITS]], axis=1)


def _hashes(secret: bytes, rows: bytes) -> Table:
    given, salt = _table(rows, ROW), _table(salts(secret, rows), SALT)
    holders = np.frombuffer(rows, ">u8")[1::2].astype(np.uint64)
    lengths = 1 + np.searchsorted(TENS[1:], holders, side="right")
    found = np.empty((len(given), HASH), np.uint8)
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        those = np.flatnonzero(lengths == length)
        messages = np.empty((len(those), 1 + SALT + length + UNITS), np.uint8)
        messages[:, 0] = 0
        messages[:, 1 : 1 + SALT] = salt.take(those, axis=0)
        messages[:, -UNITS:] = given.take(those, axis=0)[:, :UNITS]
        left = holders.take(those)
        for digit in reversed(range(1 + SALT, 1 + SALT + length)):
            messages[:, digit] = left % 10 + ord("0")
            left //= 10
        found[those] = _hashed(messages)
    return found


def _table(data: Buffer, width: int) -> Table:
    return np.frombuffer(data, np.uint8).reshape(-1, width)


def _hashed(messages: Table) -> Table:
    """The SHA-256 of each message."""
    return _table(b"".join([sha256(one).digest() for one in _one_by_one(messages)]), HASH)


def _one_by_one(rows: Table) -> list[bytes]:
    return rows.view(f"V{rows.shape[1]}").ravel().tolist()


def levels(nodes: list[bytes]) -> Iterator[list[bytes]]:
    """The nodes, and every level above them up to the root alone. Raises TooMany."""
    yield nodes
    while len(nodes) > 1:
        above = [join(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
        nodes = above + nodes[-1:] if len(nodes) % 2 else above
        yield nodes


def top(nodes: bytes) -> bytes:
    """The root above nodes that lie one behind the other, as ``levels`` finds it, at the pace of the hashing.

    Raises TooMany.
    """
    level = _table(nodes, NODE)
    while len(level) > 1:
        level = _above(level)
    return level.tobytes()


def _above(level: Table) -> Table:
    """The next of the ``levels``."""
    pairs = level[: len(level) // 2 * 2].reshape(-1, 2 * NODE)
    units = pairs.reshape(-1, NODE)[:, HASH:].copy().view(">u8").ravel().astype(np.uint64)
    sums = units[::2] + units[1::2]
    if len(sums) and sums.max() > MOST:  # two numbers below 2^63 fit into 64 bits
        raise TooMany(int(sums.max()))
    messages = np.empty((len(pairs), 1 + 2 * NODE), np.uint8)
    messages[:, 0] = 1
    messages[:, 1:] = pairs
    above = np.empty(((len(level) + 1) // 2, NODE), np.uint8)
    above[: len(pairs), :HASH] = _hashed(messages)
    above[: len(pairs), HASH:] = _table(sums.astype(">u8"), UNITS)
    above[len(pairs) :] = level[2 * len(pairs) :]
    return above


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


class Tree:
    """The tree over the leaves of ``most`` or fewer rows, in blocks of ``size`` leaves, a power of two.

    It lies in memory that the processes which plant it share. ``count`` is how many leaves there are, ``root`` the node
    above them all, empty without any.
    """

    def __init__(self, secret: bytes, *, most: int, size: int = BLOCK) -> None:
        room = -(-most // BLOCK) * BLOCK
        self.secret, self.size, self.count, self.root = secret, size, 0, b""
        self._processes = beside.processes(most, least=SHARE)
        self._rows, self._hashes = _shared(room, ROW), _shared(room, HASH)  # as they come
        self._places: list[NDArray[np.intp]] = []  # where they lie, block by block
        self._nodes = _shared(-(-room // size), NODE)  # of the blocks

    def plant(self, rows: Iterable[bytes]) -> None:
        """Hash rows that come in pieces, all processors what has come while the next is awaited; then climb.

        Raises TooMany, ``beside.Failed``.
        """
        beside.each(self._hash, self._take(rows), processes=self._processes)
        order = _ascending(self._hashes[: self.count])
        self._places = [order[start : start + self.size] for start in range(0, self.count, self.size)]
        beside.each(self._climb, range(len(self._places)), processes=self._processes)
        self.root = top(self._nodes[: len(self._places)].tobytes())

    def _take(self, rows: Iterable[bytes]) -> Iterator[int]:
        """Write rows down; the numbers of those pieces that are whole. Raises TooMany."""
        for some in rows:
            before, self.count = self.count, self.count + len(some) // ROW
            self._rows[before : self.count] = here = _table(some, ROW)
            if here[:, 0].max(initial=0) > MOST >> 56:  # the sums would run over, and come out right again
                raise TooMany("somebody has more than the ledger can count, or less than nothing")
            yield from range(before // BLOCK, self.count // BLOCK)
        if self.count % BLOCK:
            yield self.count // BLOCK  # what lies behind the last row is hashed for nothing

    def _hash(self, piece: int) -> None:
        here = slice(piece * BLOCK, (piece + 1) * BLOCK)
        self._hashes[here] = _hashes(self.secret, self._rows[here].tobytes())

    def _climb(self, block: int) -> None:
        here = self._places[block]
        nodes = _nodes(self._hashes.take(here, axis=0), self._rows.take(here, axis=0))
        self._nodes[block] = np.frombuffer(top(nodes.tobytes()), np.uint8)

    def blocks(self) -> Iterator[Block]:
        for node, here in zip(self._nodes, self._places, strict=False):
            yield Block(self._hashes[here[0]].tobytes(), node.tobytes(), self._rows.take(here, axis=0).tobytes())


def _shared(rows: int, width: int) -> Table:
    return _table(beside.memory(rows * width), width)


def _ascending(hashes: Table) -> NDArray[np.intp]:
    """The places of hashes in their order. Eight bytes decide, unless two agree in them."""
    numbers = hashes.view(">u8")
    first = numbers[:, 0].astype(np.uint64)
    order = first.argsort()
    first = first[order]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort(numbers.T[::-1])
    return order


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
