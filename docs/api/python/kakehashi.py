"""A small client of the Kakehashi API: the standard library and the types of its document, nothing else.

Sign-in is django-allauth's headless *app* client; its session token opens the API. Every act carries a key of its own,
so that it can be sent again after a lost answer and still has one effect.
"""

import base64
import hashlib
import hmac
import json
import struct
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from kakehashi_types import (
    ApplicationForm,
    DocumentForm,
    HoldingList,
    OfferingForm,
    OfferingList,
    Problem,
    SubmittedForm,
    SubscriptionForm,
)

AGAIN = {
    (409, "still_running"),
    (429, "too_many_requests"),
    (429, "waiting_room"),
    (503, "try_again"),
    (503, "unavailable"),
}
ATTEMPTS = 8


class Refused(Exception):
    """The API said no. ``problem`` is its problem document: ``code`` for programs, ``detail`` for people."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem['status']} {problem['code']}: {problem['detail']} {problem['errors'] or ''}")
        self.problem = problem


class Kakehashi:
    """One person's session. ``base`` as ``https://fund.example``, ``language`` ``en`` or ``ja``."""

    def __init__(self, base: str, *, language: str = "en", token: str = "") -> None:
        self.base, self.language, self.token = base.rstrip("/"), language, token

    # ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────
    def sign_up(self, email: str, password: str) -> None:
        """Begin an account; a code is mailed to the address."""
        self._auth("POST", "auth/signup", {"email": email, "password": password})

    def confirm(self, code: str) -> None:
        """The code from the mail."""
        self._auth("POST", "auth/email/verify", {"key": code})

    def set_up_authenticator(self) -> str:
        """Connect an authenticator app, which an application needs; its secret, to be kept on the device."""
        secret = str(self._auth("GET", "account/authenticators/totp")["meta"]["secret"])
        self._auth("POST", "account/authenticators/totp", {"code": one_time_code(secret)})
        return secret

    def sign_out(self) -> None:
        """End this session: its token opens nothing any more."""
        self._auth("DELETE", "auth/session")
        self.token = ""

    def _auth(self, method: str, path: str, body: Any = None) -> Any:
        """Signing in answers 401 while another step is due, and 404 with the secret of an app to be connected."""
        status, answer = self._send(method, f"/api/auth/app/v1/{path}", body, {})
        self.token = answer.get("meta", {}).get("session_token", self.token)
        due = "flows" in answer.get("data", {}) or "secret" in answer.get("meta", {})
        if status >= 400 and not due:
            raise RuntimeError(f"{path}: {answer.get('errors', answer)}")
        return answer

    # ── what the API does ───────────────────────────────────────────────────────────────────────────────────────
    def offerings(self) -> list[OfferingForm]:
        """All offerings, page by page."""
        found: list[OfferingForm] = []
        address: str | None = "/offerings"
        while address:
            listed: OfferingList = self.ask("GET", address.removeprefix(f"{self.base}/api/v1"))
            found, address = found + listed["results"], listed["next"]
        return found

    def application(self) -> ApplicationForm:
        return self.ask("GET", "/application")

    def save(self, answers: dict[str, dict[str, Any]]) -> ApplicationForm:
        """Save steps of the application: all of them, or none."""
        return self.ask("PATCH", "/application", {"answers": answers})

    def give(self, kind: str, picture: bytes) -> DocumentForm:
        """Add a picture of a document."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'.encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="document"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + picture
            + b"\r\n",
            f"--{boundary}--\r\n".encode(),
        ]
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.ask("POST", "/application/documents", b"".join(parts), headers=form)

    def submit(self) -> SubmittedForm:
        return self.ask("POST", "/application/submit", {})

    def subscribe(self, offering: OfferingForm, value: str) -> SubscriptionForm:
        """Order for so much, having read and accepted the offering's agreements."""
        amount = {"currency": offering["currency"], "value": value}
        body = {"offering": offering["code"], "amount": amount, "accepts": offering["agreements"]}
        return self.ask("POST", "/subscriptions", body)

    def subscription(self, reference: str) -> SubscriptionForm:
        return self.ask("GET", f"/subscriptions/{reference}")

    def holdings(self) -> HoldingList:
        return self.ask("GET", "/holdings")

    def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """One operation; sent again, with the same key, while the API asks for it. Raises Refused."""
        key = {"Idempotency-Key": f'"{uuid.uuid4()}"'} if method == "POST" else {}
        for attempt in range(ATTEMPTS):
            try:
                status, answer = self._send(method, f"/api/v1{path}", body, {**key, **(headers or {})})
            except OSError:  # the answer was lost; the key makes it safe to ask again
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(2**attempt / 4)
                continue
            if status < 400:
                return answer
            if (status, answer["code"]) not in AGAIN or attempt + 1 == ATTEMPTS:
                raise Refused(answer)
            time.sleep(self.wait)
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        token = {"X-Session-Token": self.token} if self.token else {}
        common = {"Accept": "application/json", "Accept-Language": self.language}
        request = urllib.request.Request(
            f"{self.base}{path}", method=method, data=data, headers={**common, **kind, **token, **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            self.wait = float(refused.headers.get("Retry-After", "1"))
            return refused.code, json.load(refused)


def one_time_code(secret: str, at: float | None = None) -> str:
    """What an authenticator app shows for a secret (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4]) & 0x7FFFFFFF) % 1_000_000:06}"
