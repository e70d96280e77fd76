"""The Merkle sum tree against a slow one that is written as the format reads (D50)."""

import json
import random
import struct
import subprocess
import sys
from hashlib import sha256

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fund.register import tree

SCRIPT = "docs/check_holding.py"
SECRET = bytes(range(32))
holdings = some.dictionaries(some.integers(1, 2**62), some.integers(0, 2**40), min_size=1, max_size=70)


def slow_leaf(salt: bytes, holder: str, units: int) -> tuple[bytes, int]:
    return sha256(b"\x00" + salt + holder.encode("utf-8") + units.to_bytes(8, "big")).digest(), units


def slow_root(leaves: list[tuple[bytes, int]]) -> tuple[bytes, int]:
    """RFC 6962, 2.1: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    (left, a), (right, b) = slow_root(leaves[:k]), slow_root(leaves[k:])
    return sha256(b"\x01" + left + a.to_bytes(8, "big") + right + b.to_bytes(8, "big")).digest(), a + b


def planted(held: dict[int, int], block: int = tree.BLOCK) -> tuple[list[bytes], bytes]:
    """The sorted nodes, and the root by way of blocks."""
    rows = tree.as_rows(held.items())
    nodes = sorted(tree.nodes(SECRET, rows))
    planted = plant([rows], most=len(held) + 7, size=block)
    blocks = list(planted.blocks())
    assert planted.count == len(held)
    assert sorted(one for block in blocks for one in read_rows(block.rows)) == sorted(held.items())
    assert tree.nodes(SECRET, b"".join(one.rows for one in blocks)) == nodes
    assert [one.first for one in blocks] == [one[: tree.HASH] for one in nodes[::block]]
    assert planted.root == tree.top(b"".join(one.node for one in blocks))
    return nodes, planted.root


def plant(rows: list[bytes], *, most: int, size: int = tree.BLOCK) -> tree.Tree:
    planted = tree.Tree(SECRET, most=most, size=size)
    planted.plant(rows)
    return planted


def read_rows(rows: bytes) -> list[tuple[int, int]]:
    return [(holder, units) for units, holder in struct.iter_unpack(">QQ", rows)]


def proof_of(held: dict[int, int], holder: int) -> dict:
    """As the fund gives it to one of the holders."""
    nodes, root = planted(held)
    salt = tree.salts(SECRET, tree.as_rows([(holder, held[holder])]))
    own = tree.leaf(salt=salt, holder=str(holder), units=held[holder])
    return {
        "class": "JP", "date": "2026-03-31", "holder": str(holder), "salt": salt.hex(), "units": str(held[holder]),
        "path": [
            {"side": one.side, "hash": one.node[:32].hex(), "units": str(tree.units_of(one.node))}
            for one in tree.path(nodes, nodes.index(own))
        ],
        "root": root[:32].hex(), "total_units": str(sum(held.values())),
    }  # fmt: skip


@given(holdings, some.sampled_from([1, 2, 4, 16]))
def test_the_root_is_that_of_the_slow_tree_whatever_the_blocks(held, block):
    nodes, root = planted(held, block)
    salts = {one: tree.salts(SECRET, tree.as_rows([(one, 0)])) for one in held}
    leaves = sorted(slow_leaf(salts[one], str(one), units) for one, units in held.items())
    assert [(one[:32], tree.units_of(one)) for one in nodes] == leaves
    assert (root[:32], tree.units_of(root)) == slow_root(leaves)
    assert root == [*tree.levels(nodes)][-1][0]
    assert len(set(salts.values())) == len(held)


@given(holdings, some.randoms(use_true_random=False))
def test_everybodys_proof_holds(held, chance):
    proof = proof_of(held, chance.choice(sorted(held)))
    tree.check(tree.read(json.loads(json.dumps(proof))))


HELD = {holder: 100 * holder for holder in range(1, 12)}


def changed(name: str) -> dict:
    """A proof of holder 7 with one thing wrong. A total that is adjusted to a false sum does not help."""
    one = proof_of(HELD, 7)
    first = one["path"][0]
    match name:
        case "unit":
            one["units"] = "701"
        case "unit with its total":
            one["units"], one["total_units"] = "701", str(int(one["total_units"]) + 1)
        case "total":
            one["total_units"] = str(int(one["total_units"]) + 1)
        case "sum beside":
            first["units"] = str(int(first["units"]) + 1)
        case "sums that cancel":
            first["units"], one["units"] = str(int(first["units"]) + 1), "699"
        case "sibling":
            first["hash"] = sha256(b"another").hexdigest()
        case "side":
            first["side"] = {"left": "right", "right": "left"}[first["side"]]
        case "order":
            one["path"].reverse()
        case "step left out":
            one["path"].pop()
        case "holder":
            one["holder"] = "8"
        case "salt":
            one["salt"] = bytes(32).hex()
        case "root":
            one["root"] = bytes(32).hex()
        case "negative leaf":
            one["units"] = "-700"
        case "negative sum":
            first["units"] = "-1"
        case "negative beyond 64 bits":
            one["units"] = str(2**64 - 700)
        case "sum beyond 2^63 - 1":
            first["units"] = str(2**63 - 1)
        case "full-width digits":
            one["units"] = "７００"
        case "leading zero":
            one["units"] = "0700"
        case "number":
            one["units"] = 700
        case "short salt":
            one["salt"] = one["salt"][:-2]
        case "unknown side":
            first["side"] = "up"
    return one


CASES = {
    "unit": "another_total", "unit with its total": "another_root", "total": "another_total",
    "sum beside": "another_total", "sums that cancel": "another_root", "sibling": "another_root",
    "side": "another_root", "order": "another_root", "step left out": "another_total", "holder": "another_root",
    "salt": "another_root", "root": "another_root", "negative leaf": "units_out_of_range",
    "negative sum": "units_out_of_range", "negative beyond 64 bits": "units_out_of_range",
    "sum beyond 2^63 - 1": "units_out_of_range", "full-width digits": "not_a_proof",
    "leading zero": "units_out_of_range", "number": "not_a_proof", "short salt": "not_a_proof",
    "unknown side": "not_a_proof",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_changed_is_refused(name):
    tree.check(tree.read(proof_of(HELD, 7)))  # what each of them is without the change
    with pytest.raises(tree.Wrong) as refused:
        tree.check(tree.read(changed(name)))
    assert refused.value.code == CASES[name]


def test_the_script_agrees_and_is_short(tmp_path):
    def says(proof: dict, *more: str) -> int:
        file = tmp_path / "proof.json"
        file.write_text(json.dumps(proof))
        return subprocess.run([sys.executable, "-I", SCRIPT, file, *more], capture_output=True).returncode

    good = proof_of(HELD, 7)
    published = tmp_path / "published.json"
    published.write_text(json.dumps({name: good[name] for name in ("class", "date", "root", "total_units")}))
    assert says(good) == says(good, str(published)) == 0
    assert [name for name in CASES if says(changed(name)) == 0] == []
    another = proof_of(HELD | {12: 5}, 7)  # sound, and not what was published
    assert says(another) == 0 and says(another, str(published)) == 1
    with open(SCRIPT, encoding="utf-8") as file:
        assert len(file.readlines()) <= 40


def test_more_than_the_ledger_can_count_is_refused():
    most = {1: tree.MOST, 2: 1}
    with pytest.raises(tree.TooMany):
        planted(most)
    with pytest.raises(tree.TooMany):
        list(tree.levels(planted(most, block=1)[0]))
    with pytest.raises(tree.TooMany):
        tree.leaf(salt=bytes(32), holder="1", units=tree.MOST + 1)


def test_less_than_nothing_is_refused_before_it_is_hashed():
    """As an unsigned number it is more than can be counted; two of them would add up to little again."""
    rows = struct.pack(">qQqQ", -5, 1, 10, 2)
    with pytest.raises(tree.TooMany):
        plant([rows], most=2)
    assert tree.units_of(tree.top(b"".join(tree.nodes(SECRET, rows)))) == 5  # what that holds off


@pytest.mark.parametrize("width", [50, 64, 199])
def test_many_processors_plant_the_same_tree(width, monkeypatch):
    held = {holder**3: holder for holder in range(1, 200)}
    rows = tree.as_rows(held.items())
    alone = plant([rows], most=199, size=4)
    monkeypatch.setattr(tree, "BLOCK", 16)
    monkeypatch.setattr(tree, "SHARE", 16)
    monkeypatch.setattr("os.process_cpu_count", lambda: 3)
    pieces = [rows[k : k + width * tree.ROW] for k in range(0, len(rows), width * tree.ROW)]
    together = plant(pieces, most=300, size=4)
    assert (together.root, list(together.blocks())) == (alone.root, list(alone.blocks()))
    assert together.root == [*tree.levels(sorted(tree.nodes(SECRET, rows)))][-1][0]


def test_more_rows_than_there_is_room_for_are_an_error():
    rows = tree.as_rows((holder, 1) for holder in range(1, tree.BLOCK + 2))
    with pytest.raises(ValueError, match="shape"):
        plant([rows], most=2)


def test_leaves_that_agree_in_their_first_bytes_are_compared_whole():
    hashes = numpy.zeros((4, tree.HASH), numpy.uint8)
    hashes[:, 0], hashes[:, 20] = (7, 7, 1, 7), (3, 1, 9, 2)
    assert tree._ascending(hashes).tolist() == [2, 1, 3, 0]


@settings(max_examples=20)
@given(some.integers(0, 2**32))
def test_another_commitment_has_other_salts(seed):
    rows = tree.as_rows([(random.Random(seed).randrange(1, 2**62), 5)])
    assert tree.salts(SECRET, rows) != tree.salts(bytes(32), rows)
