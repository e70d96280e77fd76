"""The citizen's documents by the API: the list, what one is, and the PDF as it was given (D48)."""

from hashlib import sha256

import pytest
from django.utils import timezone

from portal.documents import orders
from tests.portal.api.conftest import pointers, problem

pytestmark = pytest.mark.django_db


def test_a_document_is_listed_and_taken(citizen, other, opened):
    orders.receipts(reference=citizen.subscribe().json()["reference"], now=timezone.now())
    (listed,) = citizen.get("/documents").json()["results"]
    path = f"/documents/{listed['id']}"
    assert citizen.get(path).json() == listed
    assert (listed["kind"], listed["version"]) == ("receipt", 1)
    pdf = citizen.get(path, Accept="application/pdf")
    assert pdf["Content-Type"] == "application/pdf" and "no-store" in pdf["Cache-Control"]
    assert sha256(pdf.content).hexdigest() == listed["sha256"] and len(pdf.content) == listed["size"]
    assert other.get("/documents").json()["results"] == []
    for accept in ("application/json", "application/pdf"):
        assert problem(other.get(path, Accept=accept))["code"] == "not_found"
    assert pointers(citizen.get("/documents?cursor=x")) == ["?cursor"]
