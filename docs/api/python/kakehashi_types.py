"""The forms of the API, made from its OpenAPI document by generate.py; not written by hand."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class AccountForm(TypedDict):
    name: str
    bank: str
    branch: str
    routing: str
    number: str


type AccountTypeEnum = Literal['checking', 'savings']


class AgainForm(TypedDict):
    since: str


class AgreementForm(TypedDict):
    code: str
    kind: AgreementKind
    version: int
    language: LanguageEnum
    title: str
    sha256: str
    in_force_from: str


type AgreementKind = Literal['pre_contract', 'prospectus', 'terms', 'privacy']


class AgreementList(TypedDict):
    results: list[AgreementForm]
    next: str | None


class AnnouncedForm(TypedDict):
    unit_class: str
    record_day: str
    pay_day: str
    per_lot: str
    lot: str


class AnswersForm(TypedDict):
    answers: dict[str, dict[str, Any]]
    versions: NotRequired[dict[str, int]]


class AppealBody(TypedDict):
    words: str


class AppealForm(TypedDict):
    until: str
    open: bool
    filed_at: str | None
    words: str
    outcome: OutcomeEnum | NullEnum
    answer: str
    decided_at: str | None


class ApplicationForm(TypedDict):
    status: ApplicationStatus
    occasion: OccasionEnum
    verified_until: str | None
    submitted_at: str | None
    answers: dict[str, dict[str, Any]]
    versions: dict[str, int]
    remaining: list[str]
    steps: list[AskedStepForm]
    documents: list[AskedDocumentForm]
    decision: DecisionForm | None
    appeal: AppealForm | None
    barrier: BarrierForm | None


type ApplicationStatus = Literal['draft', 'submitted', 'in_review', 'more_information', 'approved', 'refused', 'appealed']


class AskForm(TypedDict):
    unit_class: UnitClassEnum
    units: str


class AskedDocumentForm(TypedDict):
    kind: EvidenceKind
    title: str
    help: str
    needed: bool
    version: int
    given: DocumentForm | None


class AskedStepForm(TypedDict):
    step: str
    title: str
    intro: str
    fields: list[QuestionForm]


class BankAccountForm(TypedDict):
    account: NamedAccountForm | None
    waiting: NamedAccountForm | None
    hold_hours: int


class BarrierForm(TypedDict):
    reason: Reason
    detail: str
    step: str
    from_day: str | None


class BeginForm(TypedDict):
    unit_class: UnitClassEnum
    amount: Money
    day: int


class BookForm(TypedDict):
    offering: str
    lot: Money
    capacity_lots: int
    own_lots: int
    received_lots: int
    given_lots: int
    other_tranche: str | None
    hands_over: bool
    usd_jpy: str | None
    seed: str
    seed_commitment: str
    level: int
    applicants: list[EntryForm]
    next: str | None


class CapitalForm(TypedDict):
    day: str | None
    usd_jpy: str | None
    co_owners_equal: bool
    commitments: list[StandingForm]
    results: list[OwnersForm]
    next: str | None


class ChallengeForm(TypedDict):
    challenge: str


class ChangeForm(TypedDict):
    country: CountryEnum
    holder: str
    bank_code: NotRequired[str]
    branch_code: NotRequired[str]
    deposit_type: NotRequired[DepositTypeEnum]
    deposit_number: NotRequired[str]
    routing_number: NotRequired[str]
    account_type: NotRequired[AccountTypeEnum]
    account_number: NotRequired[str]


class ChoiceForm(TypedDict):
    unit_class: str
    reinvest: bool


class ChoosingForm(TypedDict):
    unit_class: UnitClassEnum
    reinvest: bool


type ClassCode = Literal['SOV', 'LP', 'US', 'JP']


class ClassForm(TypedDict):
    code: ClassCode
    name: str
    owner_kind: str
    currency: Currency
    unit_decimals: int
    units: str
    price: PriceForm
    priced_on: str | None


class ClassList(TypedDict):
    results: list[ClassForm]
    next: str | None


class ClassNavForm(TypedDict):
    valuation_day: str
    version: int
    published_at: str
    price: PriceForm
    units: str
    value: Money
    corrects_version: int | None
    error_percent: str | None


class ClassNavList(TypedDict):
    results: list[ClassNavForm]
    next: str | None


CommitmentForm = TypedDict('CommitmentForm', {'class': 'ClassCode', 'date': 'str', 'root': 'str', 'total_units': 'str', 'holders': 'int'})


class ConditionForm(TypedDict):
    field: str
    values: list[str]


type CountryEnum = Literal['US', 'JP']


class CovenantForm(TypedDict):
    code: str
    name: str
    limit: Money
    drawn: Money
    interest: Money
    debt_percent: str | None
    allowed_percent: str
    headroom: SignedMoney


type Currency = Literal['USD', 'JPY']


class DecisionForm(TypedDict):
    outcome: DecisionOutcome
    decided_at: str
    reasons: list[ReasonForm]


type DecisionOutcome = Literal['approved', 'refused', 'more_information']


class DeliveryForm(TypedDict):
    id: str
    type: str
    read: list[str]
    time: str
    state: DeliveryFormStateEnum
    attempts: int
    tried_at: str | None
    due_at: str | None
    status: int | None
    error: str


type DeliveryFormStateEnum = Literal['waiting', 'delivered', 'failed']


class DeliveryList(TypedDict):
    results: list[DeliveryForm]
    next: str | None


class DemandForm(TypedDict):
    offering: str
    applicants: int
    requested: Money
    funded: Money
    capacity: Money


type DepositTypeEnum = Literal['ordinary', 'current', 'savings']


class DistributionForm(TypedDict):
    unit_class: str
    record_day: str
    pay_day: str
    per_lot: str
    lot: str
    units: str
    gross: Money
    ordinary: Money
    returned: Money
    withheld_us: Money
    withheld_national: Money
    withheld_local: Money
    us_basis: UsBasisEnum
    jp_basis: JpBasisEnum
    net: Money
    units_bought: str
    booked_at: str
    corrected: bool


class DistributionList(TypedDict):
    results: list[DistributionForm]
    next: str | None
    to_come: list[AnnouncedForm]
    choices: list[ChoiceForm]


class DocumentForm(TypedDict):
    kind: EvidenceKind
    version: int
    pages: int
    size: int
    added_at: str


class EntryForm(TypedDict):
    ticket: str
    requested_lots: int
    allotted_lots: int


type EventEnum = Literal['receipt', 'suspense', 'settlement', 'refund', 'payout', 'capital_call', 'investment', 'borrowing', 'expense', 'reversal', 'application', 'distribution', 'redemption', 'income', 'correction', 'conveyance']


class EventForm(TypedDict):
    id: str
    type: Literal['application.submitted', 'application.decided', 'application.appealed', 'appeal.decided', 'reverification.opened', 'reverification.lapsed', 'plan.waiting', 'plan.skipped', 'subscription.placed', 'subscription.withdrawn', 'subscription.funded', 'subscription.lapsed', 'allotment.published', 'offering.settled', 'offering.extended', 'offering.cancelled', 'orders.compensated', 'distribution.declared', 'distribution.paid', 'redemption.placed', 'redemption.withdrawn', 'redemption.cancelled', 'redemption.decided', 'redemption.settled', 'redemption.compensated', 'transfer.moved', 'tax.released', 'payouts.answered', 'nav.published', 'nav.corrected']
    time: str
    webhook: str
    read: list[str]


type EventKind = Literal['application.submitted', 'application.decided', 'application.appealed', 'appeal.decided', 'reverification.opened', 'reverification.lapsed', 'plan.waiting', 'plan.skipped', 'subscription.placed', 'subscription.withdrawn', 'subscription.funded', 'subscription.lapsed', 'allotment.published', 'offering.settled', 'offering.extended', 'offering.cancelled', 'orders.compensated', 'distribution.declared', 'distribution.paid', 'redemption.placed', 'redemption.withdrawn', 'redemption.cancelled', 'redemption.decided', 'redemption.settled', 'redemption.compensated', 'transfer.moved', 'tax.released', 'payouts.answered', 'nav.published', 'nav.corrected']


type EvidenceKind = Literal['passport_page', 'card_front', 'card_back', 'family_register', 'my_number_card', 'residence_proof']


class ExtensionForm(TypedDict):
    cause: str
    outage_began: str
    outage_ended: str
    closed_at: str
    closes_at: str
    paid_by: str
    pay_by: str


class FileForm(TypedDict):
    kind: EvidenceKind
    file: str
    version: NotRequired[int]


class FundForm(TypedDict):
    name: str
    base_currency: Currency
    nav: NavForm | None
    audit_chain: str | None


class HoldingForm(TypedDict):
    unit_class: str
    units: str
    price: PriceForm
    priced_on: str | None
    value: Money
    value_usd: Money | None
    value_jpy: Money | None
    paid_in: Money | None
    received: Money | None
    gain: SignedMoney | None
    money_weighted_percent: str | None
    yearly: bool | None


class HoldingList(TypedDict):
    results: list[HoldingForm]
    next: str | None
    on_order: list[Money]
    held: list[Money]
    refunds: list[Money]


class InvestmentForm(TypedDict):
    code: str
    name: str
    description: str
    sector: SectorEnum
    state: str
    stage: StageEnum
    ownership_percent: str
    since: str
    committed: Money
    deployed: Money
    income: Money
    realised: Money
    value: Money
    valued_on: str | None
    valued_by: str
    age_days: int
    stale: bool


class IssueForm(TypedDict):
    code: str
    hands_over: bool
    usd_jpy: str
    usd_jpy_day: str


type JpBasisEnum = Literal['not_taxed', 'resident', 'non_resident']


class KeyForm(TypedDict):
    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class KeySetForm(TypedDict):
    keys: list[KeyForm]


type LanguageEnum = Literal['en', 'ja']


class LeverageForm(TypedDict):
    day: str
    gross: Money
    debt: Money
    nav: Money
    ratio: str | None
    limit: str
    within: bool
    headroom: SignedMoney
    covenants: list[CovenantForm]
    stress: list[StressForm]


class LockedForm(TypedDict):
    units: str
    until: str


class MarkForm(TypedDict):
    seen: bool


class MessageForm(TypedDict):
    id: int
    topic: str
    title: str
    text: str
    created_at: str
    read_at: str | None


class MessageList(TypedDict):
    results: list[MessageForm]
    next: str | None


type MethodEnum = Literal['ach', 'zengin']


type Money = dict[str, Literal['USD'] | str] | dict[str, Literal['JPY'] | str]


class NamedAccountForm(TypedDict):
    country: CountryEnum
    holder: str
    bank_code: str | None
    branch_code: str | None
    deposit_type: str | None
    routing_number: str | None
    account_type: str | None
    ending: str
    recorded_at: str
    usable_from: str


class NavForm(TypedDict):
    valuation_day: str
    version: int
    published_at: str
    usd_jpy: str
    gross: Money
    debt: Money
    accruals: Money
    net: Money


type NoReturnEnum = Literal['no_solution', 'ambiguous']


type NullEnum = None


type OccasionEnum = Literal['joining', 'reverification']


class OfferingForm(TypedDict):
    code: str
    unit_class: str
    name: str
    summary: str
    state: OfferingFormStateEnum
    currency: Currency
    capacity: Money
    minimum: Money
    step: Money
    maximum: Money
    lot: Money
    price_basis: PriceBasisEnum
    fixed_price: PriceForm | None
    dealing_day: str
    opens_at: str
    closes_at: str
    pay_by: str
    agreements: list[str]
    order_maximum: Money
    issue: IssueForm | None
    extensions: list[ExtensionForm]
    terms_digest: str
    seed_commitment: str
    seed: str | None


type OfferingFormStateEnum = Literal['announced', 'open', 'closed', 'allotted', 'settled', 'cancelled']


class OfferingList(TypedDict):
    results: list[OfferingForm]
    next: str | None


class OptionForm(TypedDict):
    value: str
    label: str


class OrderForm(TypedDict):
    offering: str
    amount: Money
    accepts: list[str]


type OutcomeEnum = Literal['upheld', 'reopened']


class OwnerReturnForm(TypedDict):
    owner_kind: str
    nation: str | None
    until: str
    paid_in: Money
    received: Money
    worth: Money
    gain: SignedMoney
    money_weighted_percent: str | None
    yearly: bool
    no_return: NoReturnEnum | NullEnum


class OwnersForm(TypedDict):
    unit_class: str
    owner_kind: str
    nation: str
    holders: int
    units: str
    value: Money
    value_usd: Money | None
    share_percent: str | None


class PaperForm(TypedDict):
    id: str
    kind: PaperFormKindEnum
    subject: str
    version: int
    made_at: str
    size: int
    sha256: str


type PaperFormKindEnum = Literal['receipt', 'contract_note', 'redemption_note', 'statement', 'distribution', 'capital_call', '1099-div', '1042-s', 'annual-report', 'pfic', '1099-b']


class PaperList(TypedDict):
    results: list[PaperForm]
    next: str | None


class PaymentForm(TypedDict):
    method: MethodEnum
    pay_by: str
    reference: str
    numeric_reference: str
    amount: Money
    account: AccountForm


class PingForm(TypedDict):
    id: str
    type: Literal['webhook.ping']
    time: str
    webhook: str
    read: list[str]
    challenge: str


class PlanChangeForm(TypedDict):
    amount: NotRequired[Money]
    day: NotRequired[int]
    state: NotRequired[PlanState]
    accepts: NotRequired[list[str]]


class PlanForm(TypedDict):
    id: str
    state: PlanState
    unit_class: UnitClassEnum
    amount: Money
    day: int
    begun_at: str
    ended_at: str | None
    next_on: str | None
    to_accept: list[str]
    turns: list[TurnForm]


class PlanList(TypedDict):
    results: list[PlanForm]
    next: str | None


type PlanState = Literal['active', 'paused', 'ended']


class PointForm(TypedDict):
    day: str
    gross: Money
    debt: Money
    nav: Money
    ratio: str
    limit: str
    within: bool
    headroom: SignedMoney
    covenant_headroom: SignedMoney | None


class PointList(TypedDict):
    results: list[PointForm]
    next: str | None


class PortfolioForm(TypedDict):
    day: str
    results: list[InvestmentForm]
    next: str | None


type PriceBasisEnum = Literal['fixed', 'forward']


class PriceForm(TypedDict):
    currency: Currency
    value: str
    per: str


class Problem(TypedDict):
    type: Literal['about:blank']
    status: int
    code: str
    title: str
    detail: str
    errors: list[dict[str, str]]


ProofForm = TypedDict('ProofForm', {'class': 'ClassCode', 'date': 'str', 'holder': 'str', 'salt': 'str', 'units': 'str', 'path': 'list[StepForm]', 'root': 'str', 'total_units': 'str'})


class QuestionForm(TypedDict):
    name: str
    type: QuestionType
    label: str
    help: str
    required: bool
    when: ConditionForm | None
    choices: list[OptionForm]
    autocomplete: str
    max_length: int
    checked: bool


type QuestionType = Literal['text', 'lines', 'secret', 'date', 'choice', 'choices', 'yes_no', 'confirm']


type Reason = Literal['citizenship', 'adult', 'residence', 'identity_document', 'number_valid', 'no_duplicate', 'sanctions_clear', 'tax_forms', 'suitability', 'comprehension', 'agreements', 'contradiction']


class ReasonForm(TypedDict):
    code: Reason
    detail: str
    meaning: str
    advice: str
    again: bool
    from_day: str | None


class ReceivedForm(TypedDict):
    nation: str
    record_day: str
    paid_on: str
    amount: Money


class RedeemableForm(TypedDict):
    unit_class: str
    units: str
    on_request: str
    not_yet: list[LockedForm]
    free: str


class RedemptionForm(TypedDict):
    id: str
    status: RedemptionFormStatusEnum
    unit_class: str
    units: str
    filled: str
    open: str
    window: str
    received_at: str
    placed_at: str
    ended_at: str | None
    can_be_withdrawn: bool
    shares: list[ShareForm]


type RedemptionFormStatusEnum = Literal['placed', 'withdrawn', 'filled']


class RedemptionList(TypedDict):
    results: list[RedemptionForm]
    next: str | None
    windows: list[WindowForm]
    redeemable: list[RedeemableForm]


class RegistrationForm(TypedDict):
    url: str
    events: list[EventKind]


class ReplayForm(TypedDict):
    replayed: int


class ReturnForm(TypedDict):
    unit_class: str
    first_price: PriceForm
    latest_price: PriceForm
    first_day: str
    latest_day: str
    time_weighted_percent: str
    yearly_percent: str | None
    assets_percent: str | None
    income_percent: str | None
    currency_percent: str | None


class ReturnList(TypedDict):
    results: list[ReturnForm]
    owners: list[OwnerReturnForm]
    governments: list[ReceivedForm]
    next: str | None


type SectorEnum = Literal['data_centres', 'power', 'semiconductors', 'transport', 'ports', 'arctic']


class ShareForm(TypedDict):
    window: str
    dealing_day: str
    price: PriceForm
    asked: str
    filled: str
    gross: Money | None
    charged_units: str | None
    charge: Money | None
    paid: Money | None
    made_good: Money | None
    settled_at: str | None


type SideEnum = Literal['left', 'right']


class SignInAccountConfiguration(TypedDict):
    login_methods: NotRequired[list[Literal['email', 'username']]]
    is_open_for_signup: bool
    email_verification_by_code_enabled: bool
    login_by_code_enabled: bool
    password_reset_by_code_enabled: NotRequired[bool]


class SignInAuthenticated(TypedDict):
    user: SignInUser
    methods: list[SignInAuthenticationMethod]


type SignInAuthenticatedMeta = Any


class SignInAuthenticatedResponse(TypedDict):
    status: SignInStatusOK
    data: SignInAuthenticated
    meta: SignInAuthenticationMeta


type SignInAuthenticationMeta = Any


type SignInAuthenticationMethod = dict[str, Any] | dict[str, Literal['password_reset'] | SignInTimestamp | SignInEmail] | dict[str, Literal['code'] | SignInTimestamp | SignInEmail] | dict[str, Literal['code'] | SignInTimestamp | SignInPhone] | dict[str, Literal['password'] | SignInTimestamp | Literal[True]] | dict[str, Literal['socialaccount'] | SignInTimestamp | SignInProviderID | SignInProviderAccountID]


class SignInAuthenticationResponse(TypedDict):
    status: Literal[401]
    data: dict[str, list[SignInFlow]]
    meta: SignInAuthenticationMeta


type SignInAuthenticatorCode = str


type SignInAuthenticatorID = int


type SignInAuthenticatorList = list[SignInTOTPAuthenticator | SignInRecoveryCodesAuthenticator | SignInWebAuthnAuthenticator]


type SignInAuthenticatorType = Literal['recovery_codes', 'totp', 'webauthn']


class SignInBaseAuthenticationMeta(TypedDict):
    session_token: NotRequired[str]
    access_token: NotRequired[str]


class SignInBaseAuthenticator(TypedDict):
    last_used_at: SignInOptionalTimestamp
    created_at: SignInTimestamp


class SignInBaseSignup(TypedDict):
    email: SignInEmail


class SignInConfigurationResponse(TypedDict):
    data: dict[str, Any]
    status: SignInStatusOK


class SignInConflictResponse(TypedDict):
    status: Literal[409]


type SignInEmail = str


class SignInEmailAddress(TypedDict):
    email: SignInEmail
    primary: bool
    verified: bool


class SignInEndSessions(TypedDict):
    sessions: list[int]


class SignInErrorResponse(TypedDict):
    status: NotRequired[Literal[400]]
    errors: NotRequired[list[dict[str, Any]]]


class SignInFlow(TypedDict):
    id: str
    provider: NotRequired[SignInProvider]
    is_pending: NotRequired[bool]
    types: NotRequired[list[SignInAuthenticatorType]]


class SignInForbiddenResponse(TypedDict):
    status: Literal[403]


type SignInLogin = Any


class SignInMFAAuthenticate(TypedDict):
    code: SignInAuthenticatorCode


class SignInMFAConfiguration(TypedDict):
    supported_types: list[SignInAuthenticatorType]


type SignInOptionalTimestamp = SignInTimestamp | None


type SignInPasskeySignup = SignInBaseSignup


type SignInPassword = str


type SignInPhone = str


class SignInProvider(TypedDict):
    id: str
    name: str
    client_id: NotRequired[str]
    openid_configuration_url: NotRequired[str]
    flows: list[Literal['provider_redirect', 'provider_token']]


type SignInProviderAccountID = str


type SignInProviderID = str


type SignInProviderList = list[SignInProvider]


class SignInReauthenticate(TypedDict):
    password: SignInPassword


class SignInReauthenticationRequired(TypedDict):
    flows: list[SignInFlow]
    user: SignInUser
    methods: list[SignInAuthenticationMethod]


class SignInReauthenticationResponse(TypedDict):
    status: Literal[401]
    data: SignInReauthenticationRequired
    meta: SignInAuthenticatedMeta


type SignInRecoveryCodesAuthenticator = Any


class SignInRequestPassword(TypedDict):
    email: SignInEmail


class SignInResetPassword(TypedDict):
    key: str
    password: SignInPassword


type SignInSensitiveRecoveryCodesAuthenticator = Any


class SignInSession(TypedDict):
    user_agent: str
    ip: str
    created_at: SignInTimestamp
    is_current: bool
    id: int
    last_seen_at: NotRequired[SignInTimestamp]


class SignInSessionGoneResponse(TypedDict):
    status: Literal[410]
    data: dict[str, Any]
    meta: SignInAuthenticationMeta


type SignInSignup = Any


class SignInSocialAccountConfiguration(TypedDict):
    providers: SignInProviderList


type SignInStatusOK = Literal[200]


type SignInTOTPAuthenticator = Any


type SignInTimestamp = float


class SignInUser(TypedDict):
    id: NotRequired[int]
    display: str
    email: NotRequired[str]
    has_usable_password: bool


class SignInUserSessionsConfiguration(TypedDict):
    track_activity: bool


type SignInUsername = str


class SignInVerifyEmail(TypedDict):
    key: str


type SignInWebAuthnAuthenticator = Any


type SignInWebAuthnCredential = dict[str, Any]


class SignInWebAuthnCredentialCreationOptions(TypedDict):
    creation_options: dict[str, Any]


class SignInWebAuthnCredentialRequestOptions(TypedDict):
    request_options: dict[str, Any]


type SignedMoney = dict[str, Literal['USD'] | str] | dict[str, Literal['JPY'] | str]


type SkipReason = Literal['no_offering', 'agreements_missing', 'not_eligible', 'over_the_cap', 'below_minimum', 'not_in_steps', 'above_order_maximum', 'above_maximum', 'rate_unknown', 'plan_ended', 'refused']


type StageEnum = Literal['committed', 'construction', 'operating', 'realised']


class StandingForm(TypedDict):
    name: str
    nation: str
    unit_class: str
    committed: Money
    called: Money
    paid: Money


class StepForm(TypedDict):
    side: SideEnum
    hash: str
    units: str


class StressForm(TypedDict):
    code: str
    assets_percent: int
    yen_percent: int
    loss_usd: SignedMoney
    loss_jpy: SignedMoney


class SubmittedForm(TypedDict):
    status: ApplicationStatus
    submitted_at: str


class SubscriptionForm(TypedDict):
    reference: str
    status: SubscriptionStatus
    offering: str
    amount: Money
    placed_at: str
    funded_at: str | None
    withdraw_until: str
    dealing_day: str
    price_rule: str
    rounding_rule: str
    payment: PaymentForm
    allotted: Money | None
    refund: Money | None


class SubscriptionList(TypedDict):
    results: list[SummaryForm]
    next: str | None


type SubscriptionStatus = Literal['placed', 'funded', 'withdrawn', 'lapsed', 'allotted', 'part_allotted', 'unallotted', 'settled']


class SummaryForm(TypedDict):
    reference: str
    status: SubscriptionStatus
    offering: str
    amount: Money
    placed_at: str
    funded_at: str | None


class TextForm(TypedDict):
    code: str
    kind: AgreementKind
    version: int
    language: LanguageEnum
    title: str
    sha256: str
    in_force_from: str
    text: str


class TransactionForm(TypedDict):
    effective_at: str
    recorded_at: str
    event: EventEnum
    moved_from: str
    moved_to: str
    amount: Money | None
    unit_class: str | None
    units: str | None


class TransactionList(TypedDict):
    results: list[TransactionForm]
    next: str | None


class TurnForm(TypedDict):
    month: str
    day: str
    state: TurnState
    reason: SkipReason | NullEnum
    subscription: str | None
    ended_at: str | None


type TurnState = Literal['waiting', 'ordered', 'skipped']


type UnitClassEnum = Literal['US', 'JP']


type UsBasisEnum = Literal['not_taxed', 'certified', 'backup', 'treaty', 'foreign']


class WebhookForm(TypedDict):
    id: str
    url: str
    events: list[EventKind]
    state: WebhookState
    registered_at: str
    changed_at: str
    failures: int


class WebhookList(TypedDict):
    results: list[WebhookForm]
    next: str | None


type WebhookState = Literal['unconfirmed', 'active', 'disabled']


class WindowForm(TypedDict):
    code: str
    unit_class: str
    state: WindowFormStateEnum
    opens_at: str
    closes_at: str
    dealing_day: str
    cap_percent: str
    charge_percent: str
    asked: str | None
    fill_percent: str | None


type WindowFormStateEnum = Literal['announced', 'open', 'closed', 'decided', 'settled', 'cancelled']
