"""Every address of the API."""

from datetime import date

from django.urls import URLPattern, path, register_converter
from django.urls.converters import IntConverter, StringConverter

from portal.api import (
    agreements,
    application,
    assets,
    bank_account,
    distributions,
    documented,
    holdings,
    inbox,
    offerings,
    overview,
    papers,
    plans,
    proofs,
    redemptions,
    subscriptions,
    webhooks,
)
from portal.api.view import Unknown


class OfferingCode(StringConverter):
    regex = "[A-Z0-9-]{1,20}"


class Reference(StringConverter):
    regex = "RF[0-9]{12}"


class AgreementCode(StringConverter):
    regex = "[a-z_]{1,16}:[1-9][0-9]{0,3}"


class MessageNumber(IntConverter):
    regex = "[1-9][0-9]{0,17}"


class ClassCode(StringConverter):
    regex = "SOV|LP|US|JP"


class Day(StringConverter):
    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:  # type: ignore[override]
        return date.fromisoformat(value)


register_converter(OfferingCode, "offering")
register_converter(Reference, "reference")
register_converter(AgreementCode, "agreement")
register_converter(MessageNumber, "message")
register_converter(ClassCode, "unit_class")
register_converter(Day, "day")

app_name = "api"
urlpatterns: list[URLPattern] = [  # they are tried in turn: what is asked in a rush comes first
    path("subscriptions", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path("schema", documented.Schema.as_view(), name="schema"),
    path("docs", documented.Docs.as_view(), name="docs"),
    path("fund", overview.Fund.as_view(), name="fund"),
    path("classes", overview.Classes.as_view(), name="classes"),
    path("navs", overview.Navs.as_view(), name="navs"),
    path("portfolio", assets.Portfolio.as_view(), name="portfolio"),
    path("capital", assets.Capital.as_view(), name="capital"),
    path("leverage", assets.Leverage.as_view(), name="leverage"),
    path("leverage/history", assets.LeverageHistory.as_view(), name="leverage-history"),
    path("returns", assets.Returns.as_view(), name="returns"),
    path("offerings", offerings.Offerings.as_view(), name="offerings"),
    path("offerings/<offering:code>", offerings.OneOffering.as_view(), name="offering"),
    path("offerings/<offering:code>/demand", offerings.Demand.as_view(), name="demand"),
    path("offerings/<offering:code>/book", offerings.Book.as_view(), name="book"),
    path("proofs/<unit_class:class>/<day:date>", proofs.Commitment.as_view(), name="proofs"),
    path("agreements", agreements.Agreements.as_view(), name="agreements"),
    path("agreements/<agreement:code>", agreements.OneAgreement.as_view(), name="agreement"),
    path("application", application.TheApplication.as_view(), name="application"),
    path("application/documents", application.Documents.as_view(), name="application-documents"),
    path("application/submit", application.Submission.as_view(), name="submission"),
    path("application/appeal", application.Appealing.as_view(), name="appeal"),
    path("application/again", application.Beginning.as_view(), name="again"),
    path("subscriptions/<reference:reference>", subscriptions.OneSubscription.as_view(), name="subscription"),
    path("subscriptions/<reference:reference>/withdraw", subscriptions.Withdrawal.as_view(), name="withdrawal"),
    path("plans", plans.Plans.as_view(), name="plans"),
    path("plans/<uuid:plan>", plans.OnePlan.as_view(), name="plan"),
    path("bank-account", bank_account.TheBankAccount.as_view(), name="bank-account"),
    path("bank-account/keep", bank_account.KeptAccount.as_view(), name="bank-account-keep"),
    path("holdings", holdings.Holdings.as_view(), name="holdings"),
    path("transactions", holdings.Transactions.as_view(), name="transactions"),
    path("distributions", distributions.Distributions.as_view(), name="distributions"),
    path("distributions/choice", distributions.Choosing.as_view(), name="distributions-choice"),
    path("redemptions", redemptions.Redemptions.as_view(), name="redemptions"),
    path("redemptions/<uuid:id>", redemptions.OneRedemption.as_view(), name="redemption"),
    path("redemptions/<uuid:id>/withdraw", redemptions.RedemptionWithdrawal.as_view(), name="redemption-withdrawal"),
    path("documents", papers.Papers.as_view(), name="papers"),
    path("documents/<uuid:id>", papers.OnePaper.as_view(), name="paper"),
    path("proof", proofs.OwnProof.as_view(), name="proof"),
    path("messages", inbox.Messages.as_view(), name="messages"),
    path("messages/<message:number>", inbox.OneMessage.as_view(), name="message"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook>", webhooks.OneWebhook.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook>/ping", webhooks.Ping.as_view(), name="webhook-ping"),
    path("webhooks/<uuid:webhook>/replay", webhooks.Replay.as_view(), name="webhook-replay"),
    path("webhooks/<uuid:webhook>/deliveries", webhooks.Deliveries.as_view(), name="webhook-deliveries"),
    path(
        "webhooks/<uuid:webhook>/deliveries/<uuid:delivery>/replay",
        webhooks.ReplayOne.as_view(),
        name="webhook-delivery-replay",
    ),
    path("webhook-keys", webhooks.Keys.as_view(), name="webhook-keys"),
    path("<path:unknown>", Unknown.as_view(), name="unknown"),
    path("", Unknown.as_view(), name="root"),
]
