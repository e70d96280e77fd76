"""The way out to an address that a stranger has chosen: never inside, never elsewhere, never for long.

Each safeguard is taken away once: then the harm is seen.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.webhooks import wire
from tests.portal.webhooks.receiver import Receiver, always, answer, drip, flood, listening

HEADERS = {"Content-Type": "application/json"}
HOST = "app.example.com"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_LOOPBACK = True
    with listening() as found:
        yield found


def post(url: str) -> wire.Answer:
    return wire.post(url=url, body=b"{}", headers=HEADERS)


def failure(url: str) -> str:
    with pytest.raises(wire.Failed) as failed:
        post(url)
    return failed.value.code


# ── which addresses may be registered ──
@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/hook",
        "ftp://app.example.com/hook",
        "file:///etc/passwd",
        "//app.example.com/hook",
        "https://app.example.com:22/hook",
        "https://app.example.com:99999/hook",
        "https://user@app.example.com/",
        "https://user:secret@app.example.com/",
        "https://app.example.com\\@localhost/",
        "https://app.example.com/#part",
        "https://app.example.com/a b",
        "https://app.example.com/\r\nHost: localhost",
        "https://例え.jp/",
        "https://localhost/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://app.example.com./",
        "https://-app.example.com/",
        "https:///hook",
        "https://app.example.com/" + "x" * 500,
        "",
    ],
)
def test_what_is_no_public_https_address_is_refused(url: str) -> None:
    with pytest.raises(wire.NotAllowed):
        wire.normal(url)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://App.Example.com", "https://app.example.com/"),
        ("https://app.example.com:8443/a?b=c", "https://app.example.com:8443/a?b=c"),
        ("https://xn--r8jz45g.jp/hook?", "https://xn--r8jz45g.jp/hook"),
    ],
)
def test_an_address_has_one_form(url: str, normal: str) -> None:
    assert wire.normal(url) == normal


def test_plain_http_is_for_the_loopback_of_ones_own_machine_alone(settings: Any) -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost:9000/"):
        with pytest.raises(wire.NotAllowed):
            wire.normal(url)
    settings.WEBHOOK_LOOPBACK = True
    assert wire.normal("http://127.0.0.1:9000/") == "http://127.0.0.1:9000/"
    with pytest.raises(wire.NotAllowed):
        wire.normal("http://app.example.com:9000/")


# ── which addresses a name may have ──
INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1", "2001:db8::1",
    "fec0::1",
]  # fmt: skip
OUTSIDE = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001:831::200e"]


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[Any]:
    """What the resolver says of any name, and the addresses that were connected to."""
    connected: list[Any] = []

    def connect(line: socket.socket, place: Any) -> None:
        connected.append(place[0])
        raise ConnectionRefusedError

    def resolve(host: str, port: int, **_how: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return connected


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_never_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, address)
    assert failure(f"https://{HOST}/") == "not_public"
    assert failure(f"https://{HOST}/") == "not_public" and connected == []
    monkeypatch.setattr(wire, "is_public", lambda _address: True)
    assert failure(f"https://{HOST}/") == "unreachable"
    assert connected == [address], "negative control: unchecked, it would be"


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, address)
    assert failure(f"https://{HOST}/") == "unreachable" and connected == [address]


def test_one_address_inside_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, OUTSIDE[0], "10.0.0.1")
    assert failure(f"https://{HOST}/") == "not_public" and connected == []


def test_the_addresses_that_are_a_clouds_own_are_public_by_their_number() -> None:
    """Negative control of the list ``INSIDE``: without it the metadata of a cloud would be reached by this number."""
    for inside in ("168.63.129.16", "64:ff9b::a00:1", "fec0::1"):
        assert ipaddress.ip_address(inside).is_global and not wire.is_public(ipaddress.ip_address(inside))


def test_the_address_that_was_looked_at_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that says something else a moment later leads nowhere else: it is asked once (DNS rebinding)."""
    said: list[str] = []
    connected = names(monkeypatch, OUTSIDE[0])
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, **how: Any) -> Any:
        said.append(host)
        return resolve(host, port, **how) if len(said) == 1 else [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert failure(f"https://{HOST}/") == "unreachable"
    assert connected == [OUTSIDE[0]] and said == [HOST]
    assert socket.getaddrinfo(HOST, 443)[0][4][0] == "127.0.0.1", "negative control: asked again, it leads inside"


def test_a_name_without_an_address_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_asked: Any, **_how: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert failure(f"https://{HOST}/") == "unknown_host"


def test_the_loopback_setting_opens_the_loopback_alone(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = names(monkeypatch, "10.0.0.1")
    assert failure("http://localhost:9000/") == "not_public" and connected == []


# ── what is answered ──
def test_what_is_sent_arrives_and_the_answer_comes_back(receiver: Receiver) -> None:
    receiver.behave = lambda asked, body: answer(asked, 202, b"thanks")
    assert post(f"{receiver.url}?a=b") == wire.Answer(202, b"thanks")
    (sent,) = receiver.sent
    assert (sent.path, sent.body) == ("/hook?a=b", b"{}")
    assert sent.headers["Host"] == receiver.url.split("/")[2]


def test_a_redirect_is_an_answer_and_nothing_more(receiver: Receiver) -> None:
    moved, here = always(307, Location=f"{receiver.url}/elsewhere"), always(200)
    receiver.behave = lambda asked, body: (moved if asked.path == "/hook" else here)(asked, body)
    assert post(receiver.url).status == 307
    assert [one.path for one in receiver.sent] == ["/hook"]
    assert requests.post(receiver.url, json={}, timeout=5).status_code == 200
    assert receiver.sent[-1].path == "/hook/elsewhere", "negative control: what follows redirects is led elsewhere"


def test_no_proxy_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/hook"))
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert post(receiver.url).status == 200
        assert proxy.sent == [] and len(receiver.sent) == 1
        requests.post(receiver.url, json={}, timeout=5)
        assert len(proxy.sent) == 1, "negative control: what heeds the environment asks it"


def test_an_answer_without_end_ends(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", 0.3)
    receiver.behave = drip
    began = time.monotonic()
    assert failure(receiver.url) == "timeout"
    assert time.monotonic() - began < 5, "it drips for ten seconds"
    monkeypatch.setattr(wire, "_left", lambda _deadline: 5)
    monkeypatch.setattr("http.client._MAXLINE", 40)
    began = time.monotonic()
    assert failure(receiver.url) == "not_http"
    assert time.monotonic() - began > 1.5, (
        "negative control: bounded byte by byte it goes on until the line is too long"
    )


def test_a_silent_receiver_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", 0.2)
    receiver.behave = lambda asked, body: time.sleep(1)
    assert failure(receiver.url) == "timeout"


def test_an_answer_that_is_too_large_is_not_read(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.behave = flood
    assert failure(receiver.url) == "too_large"
    monkeypatch.setattr(wire, "LARGEST", 10_000_000)
    assert len(post(receiver.url).body) == 2_000_000, "negative control"


def test_what_is_no_answer_is_none(receiver: Receiver) -> None:
    receiver.behave = lambda asked, body: asked.wfile.write(b"220 smtp.example.com ESMTP\r\n") and None
    assert failure(receiver.url) == "not_http"


# ── certificates ──
def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("name", "trusted", "outcome"),
    [(HOST, True, "200"), ("other.example.com", True, "certificate"), (HOST, False, "certificate")],
)
def test_the_certificate_must_be_good_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, outcome: str
) -> None:
    file = certificate(tmp_path, name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cafile=file if trusted else None)
    monkeypatch.setattr(wire, "_trusted", lambda: client)
    monkeypatch.setattr(wire, "is_public", lambda _address: True)
    with listening(partial(server.wrap_socket, server_side=True)) as receiver:
        place = ("127.0.0.1", int(receiver.url.split(":")[2].partition("/")[0]))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked, **_how: [(2, 1, 6, "", place)])
        if outcome == "200":
            assert post(f"https://{HOST}/hook").status == 200
            assert receiver.sent[0].headers["Host"] == HOST
        else:
            assert failure(f"https://{HOST}/hook") == outcome
            assert receiver.sent == []
