"""Money that comes in: where it is paid to, what is expected, the bank's files and every entry in them (D33–D35).

What a payer wrote and the file itself are personal: they are kept sealed (``fund.envelope``), never in clear columns.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.envelope import SealedColumn
from fund.holders import Holder
from fund.money import Currency

CURRENCIES = [(currency.value, currency.value) for currency in Currency]


class Fault(models.TextChoices):
    """Why a file was quarantined whole. The codes of the formats (``formats.model.Flaw``), and the fund's own."""

    TOO_LARGE = "too_large", _("The file is too large.")
    ENCODING = "encoding", _("The file is not in UTF-8.")
    DOCTYPE = ("doctype", _("The file carries a document type definition, which is not accepted."))
    XINCLUDE = ("xinclude", _("The file includes other documents, which is not accepted."))
    MALFORMED = "malformed", _("The file is broken or cut off.")
    UNKNOWN_MESSAGE = ("unknown_message", _("The message in the file is not a bank statement that is read here."))
    SCHEMA = "schema", _("The file does not follow the rules of its format.")
    TOO_MANY_PARTS = "too_many_parts", _("The file has too many entries.")
    PART_TOO_LARGE = "part_too_large", _("One entry of the file is too large.")
    AMOUNT = "amount", _("An amount in the file is not possible.")
    DATE = "date", _("A date in the file cannot be read.")
    CURRENCY_MIXED = "currency_mixed", _("One statement mixes several currencies.")
    BALANCE_MISSING = ("balance_missing", _("A statement does not carry its opening and closing balance."))
    BALANCE_MISMATCH = ("balance_mismatch", _("Opening balance and entries do not make the closing balance."))
    COUNT_MISMATCH = ("count_mismatch", _("The entries are not as many as the file counts."))
    SUM_MISMATCH = ("sum_mismatch", _("The amounts do not add up to the totals of the file."))
    DUPLICATE_STATEMENT = ("duplicate_statement", _("The file carries the same statement twice."))
    NOT_A_BANK_FILE = "not_a_bank_file", _("This is not a bank file that we know.")
    UNKNOWN_ACCOUNT = ("unknown_account", _("The file is about an account that is not the fund's."))
    ACCOUNT_CURRENCY = ("account_currency", _("A statement is in another currency than the fund's account."))
    OTHER_FORM = "other_form", _("The account is read from files of another form; both would post everything twice.")
    NOT_OUR_PAYMENTS = "not_our_payments", _("The file answers payments that are not the fund's.")


class Reason(models.TextChoices):
    """Why money has no owner yet, or why an entry moved nothing (D35)."""

    UNKNOWN_REFERENCE = "unknown_reference", _("no reference that we know")
    SEVERAL_REFERENCES = "several_references", _("several references in one payment")
    OVERPAID = "overpaid", _("more than the order needs")
    DUPLICATE = "duplicate", _("the order was paid in full before")
    THIRD_PARTY = "third_party", _("paid by somebody else")
    LATE = "late", _("paid after the deadline")
    WITHDRAWN = "withdrawn", _("the order was withdrawn or has lapsed")
    WRONG_CURRENCY = "wrong_currency", _("another currency than the order's")
    REVERSED_BY_BANK = "reversed_by_bank", _("reversed by the bank")
    REVERSED_TOO_LATE = "reversed_too_late", _("reversed by the bank after the money was used")
    UNEXPECTED_DEBIT = "unexpected_debit", _("outgoing money, kept for reconciliation")
    NO_AMOUNT = "no_amount", _("an entry of nothing")


class BankAccount(models.Model):
    """A bank account of the fund, with what a payer must know. ``code`` is what the bank's files call it.

    ``time_zone`` is the bank's: its booking days are days there. ``routing`` is the bank's clearing number, in Japan
    with the branch: four and three digits. Bank files name the fund by ``customer_code`` and, in Japan, ``name_kana``.
    """

    code = models.CharField(primary_key=True, max_length=34)
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    time_zone = models.CharField(max_length=40)
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    bank_name_en = models.CharField(max_length=120)
    bank_name_ja = models.CharField(max_length=120)
    branch_en = models.CharField(max_length=120, blank=True)
    branch_ja = models.CharField(max_length=120, blank=True)
    routing = models.CharField(max_length=20, blank=True)
    number = models.CharField(max_length=34)
    name_kana = models.CharField(max_length=40, blank=True)
    customer_code = models.CharField(max_length=10, blank=True)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="bank_account_currency", condition=Q(currency__in=list(Currency)))]
        triggers = [  # whoever could change where citizens pay to could take their money
            pgtrigger.ReadOnly(name="bank_account_facts"),
            pgtrigger.Protect(name="bank_account_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.code


class Expected(models.Model):
    """A payment that we asked a holder for (D27). ``received`` is what was credited to the holder for it so far.

    Amounts are minor units. After ``forgotten_at`` money for it goes to suspense.
    """

    reference = models.CharField(primary_key=True, max_length=14)
    numeric_reference = models.CharField(max_length=10, unique=True)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    amount = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    pay_by = models.DateTimeField()
    order_id = models.UUIDField(unique=True)
    offering_code = models.CharField(max_length=120)
    expected_at = models.DateTimeField()
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "expected"
        constraints = [
            models.CheckConstraint(name="expected_currency", condition=Q(currency__in=list(Currency))),
            models.CheckConstraint(name="expected_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="expected_never_exceeded", condition=Q(received__gte=0, received__lte=F("amount"))
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="expected_facts", fields=["reference", "holder", "currency", "amount", "pay_by", "order_id"]
            ),
            pgtrigger.Protect(name="expected_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.reference


class KnownName(AppendOnly):
    """A name that a holder's own money comes under, as a keyed fingerprint (``payer_names``)."""

    id = models.BigAutoField(primary_key=True)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    digest = models.BinaryField(max_length=32)

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["holder", "digest"], name="known_name_once")]

    def __str__(self) -> str:
        return f"a name of holder {self.holder_id}"


class Earmark(AppendOnly):
    """From ``since`` on the money received for a subject (an offering) is spoken for: reversals and applications no
    longer change what its orders have received (``receipts.earmark``).
    """

    subject = models.CharField(primary_key=True, max_length=120)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject


class Postponement(AppendOnly):
    """The payment deadline of a subject (an offering) has moved to ``pay_by``, also for what was expected before."""

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=120, db_index=True)
    pay_by = models.DateTimeField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject} {self.pay_by:%Y-%m-%d %H:%M}"


class BankFile(models.Model):
    """A file that came in: taken whole, or quarantined with its reason and nothing posted (D34)."""

    class State(models.TextChoices):
        POSTED = "posted", _("posted")
        QUARANTINED = "quarantined", _("quarantined")

    class Kind(models.TextChoices):
        """The formats that are read, as ``formats.detect`` calls them."""

        UNKNOWN = "", _("unknown")
        STATEMENT = "camt.053", _("statement (camt.053)")
        NOTIFICATION = "camt.054", _("notification (camt.054)")
        ZENGIN_STATEMENT = "zengin.03", _("statement (Zengin 03)")
        ZENGIN_NOTICE = "zengin.01", _("notice of transfers (Zengin 01)")
        STATUS_REPORT = "pain.002", _("answer to payments (pain.002)")
        RETURNS = "nacha.returns", _("returns and corrections (NACHA)")

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=Kind, blank=True)
    state = models.CharField(max_length=12, choices=State)
    reason = models.CharField(max_length=24, choices=Fault, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    name = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField()
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=80)
    sealed = SealedColumn(row="digest", null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bank_file_state",
                condition=Q(state="posted", reason="") & ~Q(kind="") | Q(state="quarantined", reason__in=Fault.values),
            )
        ]
        triggers = [
            pgtrigger.ReadOnly(name="bank_file_facts", fields=["digest", "size"]),
            pgtrigger.Protect(name="bank_file_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"bank file {self.pk}"


class BankStatement(AppendOnly):
    """What a bank says an account held, minor units (negative: overdrawn): one row per statement with balances."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(BankFile, on_delete=models.PROTECT, related_name="statements")
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, db_index=False, related_name="statements")
    opening = models.BigIntegerField()
    closing = models.BigIntegerField()
    opened_on = models.DateField()
    closed_on = models.DateField()
    written_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["account", "closed_on"], name="bank_statement_day")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.closed_on}"


class BankEntry(models.Model):
    """One booked movement at a bank, known by ``identity`` whichever file tells of it. Its id is its ledger event's id.

    ``amount`` = ``held`` (the holder's) + ``suspended`` (with its reason), minor units, unless ignored or a payout of
    ours; for a reversal both are taken away again. ``bank_entry`` is equal for all parts of one batch; ``number`` is
    the place in the file, from 1. ``original`` is the ``bank_entry`` that a reversal names, ``reverses`` the entry that
    it undoes. Money collected by direct debit can be called back until ``returnable_until`` (D36). ``payer_digest``
    is the fingerprint of the payer's name, where the bank tells it.
    """

    class Outcome(models.TextChoices):
        MATCHED = "matched", _("matched")
        SUSPENSE = "suspense", _("suspense")
        IGNORED = "ignored", _("kept for reconciliation")
        PAYOUT = "payout", _("a payout of ours, or its return")

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    file = models.ForeignKey(BankFile, on_delete=models.PROTECT, db_constraint=False, related_name="entries")
    account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.PositiveIntegerField()
    identity = models.CharField(max_length=64)
    bank_entry = models.CharField(max_length=64)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    credit = models.BooleanField()
    reversal = models.BooleanField()
    booking_date = models.DateField()
    value_date = models.DateField(null=True)
    reference = models.CharField(max_length=14, blank=True)
    expected = models.ForeignKey(
        Expected, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    original = models.CharField(max_length=64, blank=True)
    reverses = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, db_constraint=False, related_name="reversed_by"
    )
    returnable_until = models.DateField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome)
    suspense_reason = models.CharField(max_length=20, choices=Reason, blank=True)
    held = models.BigIntegerField(default=0)
    suspended = models.BigIntegerField(default=0)
    payer_digest = models.BinaryField(max_length=32, null=True)
    sealed = SealedColumn(row="identity")

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        verbose_name_plural = "bank entries"
        constraints = [
            models.CheckConstraint(name="bank_entry_reason", condition=Q(suspense_reason__in=["", *Reason.values])),
            models.CheckConstraint(
                name="bank_entry_has_owner_or_reason",
                condition=Q(outcome="matched", credit=True, reversal=False, expected__isnull=False, held__gt=0)
                & Q(amount=F("held") + F("suspended"))
                & (Q(suspended=0, suspense_reason="") | Q(suspended__gt=0, suspense_reason="overpaid"))
                | Q(outcome="matched", credit=False, reversal=True, reverses__isnull=False, held__gt=0)
                & Q(expected__isnull=False, amount=F("held") + F("suspended"))
                & (
                    Q(suspended=0, suspense_reason="")
                    | Q(suspended__gt=0, suspense_reason__in=["reversed_by_bank", "reversed_too_late"])
                )
                | Q(outcome="payout", held=0, suspended=0, suspense_reason="") & ~Q(reference="")
                | Q(outcome="suspense", held=0, suspended__gt=0, suspended=F("amount")) & ~Q(suspense_reason="")
                | Q(outcome="ignored", held=0, suspended=0, amount__gte=0) & ~Q(suspense_reason=""),
            ),
            models.UniqueConstraint(fields=["identity"], name="bank_entry_identity"),
            models.UniqueConstraint(
                fields=["reference", "credit"], condition=Q(outcome="payout"), name="bank_entry_one_a_payout"
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="bank_entry_facts",
                fields=[
                    "id",
                    "file",
                    "account",
                    "identity",
                    "amount",
                    "currency",
                    "credit",
                    "reversal",
                    "booking_date",
                    "original",
                    "returnable_until",
                ],
            ),
            pgtrigger.Protect(name="bank_entry_stays", operation=pgtrigger.Delete),
        ]
        indexes = [
            # An entry that is not a part of a batch goes by its identity.
            models.Index(fields=["bank_entry"], condition=~Q(bank_entry=F("identity")), name="bank_entry_batch"),
            models.Index(fields=["expected"], condition=Q(expected__isnull=False), name="bank_entry_expected"),
            models.Index(
                fields=["suspense_reason", "booking_date"], condition=Q(suspended__gt=0), name="bank_entry_suspense"
            ),
            models.Index(
                fields=["account", "amount"],
                condition=Q(reversal=True, credit=False, reverses=None),
                name="bank_entry_unpaired",
            ),
        ]

    def __str__(self) -> str:
        return f"bank entry {self.pk}"
