"""Signing up and in as the document describes it: allauth's own description of its app client, as it is set up here.

An operation of allauth that is not in ``OPERATIONS`` is not offered to apps; a test compares both with the addresses.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from allauth.headless.spec.internal import schema as described

THEIRS, OURS = "/_allauth/{client}/v1/", "/api/auth/app/v1/"
PREFIX = "SignIn"  # of all its components, whose names would meet ours
ENTER, FACTORS, ACCOUNT = "Signing up and in", "Passkeys and authenticators", "Account"
REFERENCE = re.compile(r"#/components/(\w+)/(\w+)")
SESSION: dict[str, list[str]] = {"sessionToken": []}
FLOWS = (  # as allauth names them; more than its description knows
    "login, signup, verify_email, password_reset_by_code, mfa_login_webauthn, mfa_signup_webauthn, mfa_authenticate, "
    "reauthenticate, mfa_reauthenticate"
)

# What its description does not say that a POST answers when it succeeds.
MISSING = {
    "account/password/change": "AuthenticatedByPassword",
    "account/authenticators/recovery-codes": "RecoveryCodes",
}

# Each operation of allauth that an app uses: its name, its group, what it is for here, and whose token it needs
# (None: nobody's; False: that of a sign-in under way, where there is one; True: somebody's).
OPERATIONS: dict[tuple[str, str], tuple[str, str, str, bool | None]] = {
    ("get", "config"): ("getSignInConfiguration", ENTER, "How one can sign in here.", None),
    ("post", "auth/signup"): (
        "signUp", ENTER,
        "Begin an account with an address and a password. A code is mailed; the answer is 401 with the flow "
        "`verify_email` pending and a `session_token`. An address that has an account already is answered in the same "
        "way, and told by mail.",
        None,
    ),
    ("post", "auth/email/verify"): (
        "confirmAddress", ENTER,
        "Confirm the address: `key` is the code from the mail, in either case. Then one is signed in, with a new "
        "`session_token`.",
        False,
    ),
    ("post", "auth/email/verify/resend"): ("sendCodeAgain", ENTER, "Mail another code.", False),
    ("post", "auth/login"): (
        "signIn", ENTER,
        "Sign in with the password. With a second factor the answer is 401 with the flow `mfa_authenticate` pending.",
        None,
    ),
    ("post", "auth/2fa/authenticate"): (
        "signInByCode", ENTER, "The second step: a code of the authenticator app, or a recovery code.", False,
    ),
    ("get", "auth/webauthn/authenticate"): (
        "askPasskeyAsSecondStep", ENTER, "The second step by a passkey: what to hand to it.", False,
    ),
    ("post", "auth/webauthn/authenticate"): ("signInByPasskeyAsSecondStep", ENTER, "What the passkey answered.", False),
    ("get", "auth/webauthn/login"): (
        "askPasskey", ENTER,
        "Sign in by a passkey alone: what to hand to it. Keep its `session_token` for the answer.",
        None,
    ),
    ("post", "auth/webauthn/login"): ("signInByPasskey", ENTER, "What the passkey answered.", False),
    ("post", "auth/webauthn/signup"): (
        "signUpByPasskey", ENTER, "Begin an account without a password. A code is mailed, as for `signUp`.", None,
    ),
    ("get", "auth/webauthn/signup"): (
        "askNewPasskeyOfSignUp", ENTER, "Once the address is confirmed: what to make the passkey from.", False,
    ),
    ("put", "auth/webauthn/signup"): ("finishSignUpByPasskey", ENTER, "The new passkey; then one is signed in.", False),
    ("post", "auth/password/request"): (
        "forgotPassword", ENTER, "Mail a code with which a new password can be set. Whether there is such an account "
        "is not told.", None,
    ),
    ("get", "auth/password/reset"): ("checkPasswordCode", ENTER, "Whether a code from the mail holds.", False),
    ("post", "auth/password/reset"): (
        "setForgottenPassword", ENTER, "A new password, by the code. One is not signed in by it.", False,
    ),
    ("get", "auth/session"): (
        "getSession", ENTER, "Whose session it is. 401: not signed in yet; 410: it has ended, forget its token.", True,
    ),
    ("delete", "auth/session"): ("signOut", ENTER, "End this session. The answer is 401: nobody is.", True),
    ("get", "auth/sessions"): ("listSessions", ACCOUNT, "All sessions of the account.", True),
    ("delete", "auth/sessions"): ("endSessions", ACCOUNT, "End some; their tokens open nothing any more.", True),
    ("post", "auth/reauthenticate"): (
        "proveByPassword", FACTORS, "Prove the password again, where there is no other factor.", True,
    ),
    ("post", "auth/2fa/reauthenticate"): (
        "proveByCode", FACTORS,
        "Prove an authenticator app again by a code. Then, for five minutes, what asked by `step_up_required` goes on. "
        "A code opens once; wait for the next one after signing in with it.",
        True,
    ),
    ("get", "auth/webauthn/reauthenticate"): ("askPasskeyForProof", FACTORS, "What to hand to it.", True),
    ("post", "auth/webauthn/reauthenticate"): ("proveByPasskey", FACTORS, "What the passkey answered.", True),
    ("get", "account/authenticators"): ("listAuthenticators", FACTORS, "The second factors of the account.", True),
    ("get", "account/authenticators/totp"): (
        "getAuthenticatorApp", FACTORS,
        "The authenticator app. While there is none, 404 brings the `secret` to connect one with.",
        True,
    ),
    ("post", "account/authenticators/totp"): (
        "connectAuthenticatorApp", FACTORS, "Connect it by the code that it shows for the secret.", True,
    ),
    ("delete", "account/authenticators/totp"): ("removeAuthenticatorApp", FACTORS, "Disconnect it.", True),
    ("get", "account/authenticators/webauthn"): ("askNewPasskey", FACTORS, "What to make a passkey from.", True),
    ("post", "account/authenticators/webauthn"): ("addPasskey", FACTORS, "The new passkey and its name.", True),
    ("put", "account/authenticators/webauthn"): ("renamePasskey", FACTORS, "Give a passkey another name.", True),
    ("delete", "account/authenticators/webauthn"): ("removePasskeys", FACTORS, "Remove passkeys.", True),
    ("get", "account/authenticators/recovery-codes"): ("listRecoveryCodes", FACTORS, "The recovery codes left.", True),
    ("post", "account/authenticators/recovery-codes"): ("renewRecoveryCodes", FACTORS, "New ones for the old.", True),
    ("get", "account/email"): ("listAddresses", ACCOUNT, "The address of the account, and one that waits.", True),
    ("post", "account/email"): ("changeAddress", ACCOUNT, "Another address; it is mailed a code first.", True),
    ("post", "account/password/change"): (
        "changePassword", ACCOUNT, "Another password. All other sessions end.", True,
    ),
}  # fmt: skip


def add(document: dict[str, Any]) -> None:
    """Put the operations, and what they refer to, into a document."""
    theirs = described_by_allauth()
    for (method, path), (name, tag, words, token) in OPERATIONS.items():
        operation = _ours(theirs["paths"][f"{THEIRS}{path}"][method])
        operation["parameters"] = [one for one in operation.get("parameters", []) if not _is_known(one)]
        operation["security"] = {None: [], False: [{}, SESSION], True: [SESSION]}[token]
        _answers(operation["responses"], signed_in=bool(token))
        if method != "get":
            operation["responses"].setdefault("400", {"$ref": f"#/components/responses/{PREFIX}Error"})
        operation |= {
            "operationId": name,
            "tags": [tag],
            "summary": words.partition(". ")[0].rstrip("."),
            "description": words,
        }
        document["paths"].setdefault(f"{OURS}{path}", {})[method] = operation
    for kind, name in _reached(document["paths"], theirs["components"]):
        document["components"].setdefault(kind, {})[PREFIX + name] = _ours(theirs["components"][kind][name])


def _answers(responses: dict[str, Any], *, signed_in: bool) -> None:
    """What allauth answers besides wherever a token is missing, has ended or has to prove more; and the border."""
    if signed_in or "401" not in responses:
        name = "AuthenticationOrReauthentication" if signed_in else "Authentication"
        responses["401"] = {"$ref": f"#/components/responses/{PREFIX}{name}"}
    responses["410"] = {"$ref": f"#/components/responses/{PREFIX}SessionGone"}
    responses["429"] = {"$ref": f"#/components/responses/{PREFIX}TooManyRequests"}
    responses["503"] = {"$ref": "#/components/responses/Problem503"}


def _is_known(parameter: dict[str, Any]) -> bool:
    """The client is always the app, and the token is said as security."""
    return parameter.get("$ref", "").rpartition("/")[2] in ("Client", "SessionToken")


def _ours(part: Any) -> Any:
    """A part of their document with the names that it has in ours."""
    match part:
        case {"nullable": True, **rest}:  # as OpenAPI 3.0 says it
            return {"oneOf": [_ours(rest), {"type": "null"}]}
        case {"$ref": "#/components/schemas/Problem"}:
            return part
        case {"$ref": str(reference)}:
            return {"$ref": REFERENCE.sub(rf"#/components/\1/{PREFIX}\2", reference)}
        case dict():
            return {key: _ours(inner) for key, inner in part.items()}
        case list():
            return [_ours(inner) for inner in part]
        case _:
            return part


def _reached(part: Any, components: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every component of theirs that a part of our document leads to."""
    waiting, seen = [part], set()
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)} if found := re.fullmatch(rf"#/components/(\w+)/{PREFIX}(\w+)", reference):
                if (place := (found[1], found[2])) not in seen:
                    seen.add(place)
                    waiting.append(_ours(components[found[1]][found[2]]))
            case dict() as inner:
                waiting.extend(inner.values())
            case list() as inner:
                waiting.extend(inner)
    return iter(sorted(seen))


@cache
def described_by_allauth() -> dict[str, Any]:
    """allauth's description, as our settings make it."""
    spec: dict[str, Any] = yaml.safe_load((files("allauth.headless.spec") / "doc/openapi.yaml").read_text("utf-8"))
    described.specify_user(spec)
    described.specify_signup_fields(spec)
    described.specify_custom_signup_form(spec)
    forms, answers = spec["components"]["schemas"], spec["components"]["responses"]
    for path, answer in MISSING.items():
        spec["paths"][f"{THEIRS}{path}"]["post"]["responses"]["200"] = {"$ref": f"#/components/responses/{answer}"}
    flow = forms["Flow"]["properties"]
    flow["id"] = {"type": "string", "description": f"One of {FLOWS}; there may be more."}
    flow["is_pending"] = {"type": "boolean", "description": "Whether this is what is waited for now."}
    forms["AuthenticationMeta"]["allOf"][1]["properties"]["is_authenticated"] = {"type": ["boolean", "null"]}
    proof = answers["AuthenticationOrReauthentication"]["content"]["application/json"]["schema"]
    proof["anyOf"] = proof.pop("oneOf")  # one fits both
    answers["TooManyRequests"]["content"]["application/problem+json"] = {
        "schema": {"$ref": "#/components/schemas/Problem"}
    }
    return spec
