"""The proof of holding: the public commitments, and a citizen's own way to the root (D50)."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from fund.register import proof
from fund.register.proof import Unproved
from fund.units import UnitClass
from portal.api.border import Choice, Day, Query
from portal.api.documented import CLASS_PARAMETER, DAY_PARAMETER, documented
from portal.api.forms import Digest, Digits
from portal.api.view import Citizens, Public

TAG = "Proof of holding"


class CommitmentForm(serializers.Serializer[Any]):
    """What is committed of all holdings of a class at a NAV: the root of the tree, the units below it, the leaves."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "class": serializers.ChoiceField(choices=UnitClass.Code.values),
            "date": serializers.DateField(help_text="The valuation day."),
            "root": Digest(),
            "total_units": Digits(help_text="Smallest units."),
            "holders": serializers.IntegerField(),
        }


class Commitment(Public):
    @documented("getProofs", tag=TAG, answers=CommitmentForm, parameters=(CLASS_PARAMETER, DAY_PARAMETER))
    def get(self, request: Request, **place: str) -> Response:
        """The commitment to all holdings of a class at the NAV of a day, in its newest version."""
        return super().get(request, **place)

    def figures(self) -> Any:
        found = proof.committed(class_code=self.kwargs["class"], day=self.kwargs["date"]).first()
        if found is None:
            raise NotFound
        return proof.public_facts(found)


class StepForm(serializers.Serializer[Any]):
    """The node beside one's own on the way to the root."""

    side = serializers.ChoiceField(choices=["left", "right"], help_text="Where it stands.")
    hash = Digest()
    units = Digits()


class ProofForm(serializers.Serializer[Any]):
    """A proof that somebody's units are counted in the total: it can be checked without the fund.

    leaf = SHA-256(0x00 ‖ salt ‖ holder as UTF-8 ‖ units), node = SHA-256(0x01 ‖ left hash ‖ left units ‖ right hash ‖
    right units), salt and hashes as their 32 bytes, units as unsigned 64-bit big-endian numbers; ``path`` goes from the
    leaf to the root, and what stands ``left`` comes first. Whoever knows the salt can recognise the holder's leaf.
    """

    def get_fields(self) -> dict[str, Any]:
        return {
            "class": serializers.ChoiceField(choices=UnitClass.Code.values),
            "date": serializers.DateField(),
            "holder": serializers.CharField(),
            "salt": Digest(),
            "units": Digits(help_text="Smallest units."),
            "path": StepForm(many=True),
            "root": Digest(),
            "total_units": Digits(),
        }


class ProofQuery(Query):
    """Of which class, and of which day; without a day of the newest one."""

    date = Day(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {"class": Choice(choices=["US", "JP"]), **super().get_fields()}


class OwnProof(Citizens):
    query = ProofQuery

    @documented("getProof", tag=TAG, query=ProofQuery, answers=ProofForm)
    def get(self, request: Request) -> Response:
        """The proof of the own units in the newest commitment of a class, or in that of a day."""
        asked = self.asked
        try:
            found = proof.of_holder(holder_id=self.holder_id, class_code=asked["class"], day=asked.get("date"))
        except Unproved as refused:
            raise NotFound(str(refused), code=refused.code) from None
        return Response(found)
