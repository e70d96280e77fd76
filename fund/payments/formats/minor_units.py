"""Digits of a currency's minor unit (ISO 4217), for statements may come in any currency and post only in ours (D19)."""

UNUSUAL_DECIMALS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def decimals(currency: str) -> int:
    """Digits behind the point: 2 for nearly all, none for JPY."""
    return UNUSUAL_DECIMALS.get(currency, 2)
