"""Digits of a currency's minor unit (ISO 4217), for statements may come in any currency and post only in ours (D19)."""

# fmt: off
NONE = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
}
# fmt: on
THREE = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
FOUR = {"CLF", "UYW"}


def decimals(currency: str) -> int:
    """Digits behind the point: 2 for nearly all, none for JPY."""
    return 0 if currency in NONE else 3 if currency in THREE else 4 if currency in FOUR else 2
