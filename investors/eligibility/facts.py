"""What the rules look at, and what they answer. Facts hold no name, number or day of birth, so they can be kept."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.utils import translation


@dataclass(frozen=True)
class Facts:
    """One application as the rules see it. Ages in full years, days from the day of the application.

    ``document_days_left``: None for a document without a term. ``document_age``: days since it was issued, None if
    unknown. ``documents``: the pictures that are there, ``same_file``: ids of others' applications that hold one of the
    same files. ``same_number`` and ``same_person``: ids of other investors. Sanctions lists
    and agreements are ``kind:version``; hits are ids of cases.
    """

    nations: tuple[str, ...]
    age: int
    adult_age: int
    residence: str
    accepted_residences: tuple[str, ...]
    document: str
    document_issuer: str
    document_days_left: int | None
    document_age: int | None
    register_days: int
    documents: tuple[str, ...]
    documents_missing: tuple[str, ...]
    same_file: tuple[int, ...]
    numbers: tuple[str, ...]
    same_number: tuple[int, ...]
    same_person: tuple[int, ...]
    sanctions_lists: tuple[str, ...]
    hits_open: tuple[str, ...]
    hits_confirmed: tuple[str, ...]
    tax_forms_needed: tuple[str, ...]
    tax_forms_certified: tuple[str, ...]
    mismatches: tuple[str, ...]
    mismatches_refused: tuple[str, ...]
    mismatch_acknowledged: bool
    questions_wrong: tuple[str, ...]
    agreements_needed: tuple[str, ...]
    agreements_accepted: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Outcome:
    """A rule's answer: its code, whether it passed, the reason in plain words, and the evidence it saw."""

    code: str
    passed: bool
    reason: Any
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The outcome with its reason in both languages, as it was given."""
        return {"code": self.code, "passed": self.passed, "evidence": self.evidence, **self._reasons()}

    def _reasons(self) -> dict[str, str]:
        reasons = {}
        for language in ("en", "ja"):
            with translation.override(language):
                reasons[f"reason_{language}"] = str(self.reason)
        return reasons
