"""Whether a payment came from its holder (D35), without knowing anybody's name: by keyed fingerprints of names.

Reception tells the names that a holder's own account can carry. The bank tells what stands on the payer's account. Both
are brought into one plain form: no reference before the name, no titles, initials or accents; kana without spaces in
half width, as banks in Japan carry it, and Latin words in the order of the alphabet.
"""

import re
import unicodedata
from collections.abc import Iterable

from fund import envelope
from fund.payments.formats.kana import to_zengin
from fund.payments.models import KnownName

PURPOSE = "payer name"
NUMBERS = re.compile(r"RF[0-9\s-]+|[0-9]+")
LATIN = re.compile(r"[A-Z']{2,}")
FIRST_KANA = "\u3041"
TITLES = {"MR", "MRS", "MS", "MISS", "DR", "JR", "SR", "II", "III", "IV"}


def plain(name: str) -> str:
    """The form in which names are compared; empty where nothing of a name is left."""
    upper = NUMBERS.sub(" ", unicodedata.normalize("NFKC", name).upper())
    if not any(letter >= FIRST_KANA for letter in upper):
        letters = unicodedata.normalize("NFKD", upper).encode("ascii", "ignore").decode()
        return " ".join(sorted(set(LATIN.findall(letters)) - TITLES))
    joined = "".join(upper.split())
    try:
        return to_zengin(joined, hiragana=True)
    except ValueError:  # kanji, which only other formats than Zengin's carry
        return joined


def fingerprint(name: str) -> bytes | None:
    """The keyed fingerprint of a name (32 bytes); None where no name is told."""
    found = plain(name) if name else ""
    return envelope.blind_index(found, purpose=PURPOSE) if found else None


def know(*, holder_id: int, names: Iterable[str]) -> None:
    """Money that comes under one of these names is the holder's own. Once named, a name stays known."""
    digests = {digest for name in names if (digest := fingerprint(name))}
    KnownName.objects.bulk_create(
        (KnownName(holder_id=holder_id, digest=digest) for digest in sorted(digests)), ignore_conflicts=True
    )
