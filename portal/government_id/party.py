"""This site as a provider knows it: where the provider is, and the key with which the site proves itself."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Party:
    """``private_key``: PEM. ``algorithm``: that of the key, RS256 or ES256."""

    issuer: str
    client_id: str
    key_id: str
    algorithm: str
    private_key: str = field(repr=False)


def configured(
    name: str, *, issuer: str, client_id: str, key_id: str, private_key: str, plain_http: bool
) -> Party | None:
    """The party of a provider from its variables ``name_…``; None when no client id is given: then it is not offered.

    ``private_key``: PEM whose line ends may be written as \\n. Raises ImproperlyConfigured, never with the key in it.
    """
    if not client_id:
        return None
    if missing := [part for part, value in {"KEY_ID": key_id, "PRIVATE_KEY": private_key}.items() if not value]:
        raise ImproperlyConfigured(f"{name}_CLIENT_ID is set; set {', '.join(f'{name}_{part}' for part in missing)}.")
    if not issuer.startswith("https://") and not (plain_http and issuer.startswith("http://")):
        raise ImproperlyConfigured(f"{name}_ISSUER must be an https address.")
    pem = private_key.replace("\\n", "\n")
    return Party(issuer, client_id, key_id, _algorithm(name, pem), pem)


def _algorithm(name: str, pem: str) -> str:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ImproperlyConfigured(f"{name}_PRIVATE_KEY is not a private key in PEM without a password.") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    raise ImproperlyConfigured(f"{name}_PRIVATE_KEY must be RSA of 2048 bits or more, or of the curve P-256.")
