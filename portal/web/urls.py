"""Addresses of the public pages and of the citizen's own, below their language."""

from django.urls import path

from portal.web import account, fund, join, offerings, orders, pages, papers, recover

urlpatterns = [
    path("", fund.home, name="home"),
    path("fund/nav", fund.nav, name="nav"),
    path("fund/nav/<str:code>.csv", fund.nav_csv, name="nav-csv"),
    path("fund/portfolio", fund.portfolio, name="portfolio"),
    path("fund/portfolio/<str:code>", fund.investment, name="investment"),
    path("fund/ownership", fund.ownership, name="ownership"),
    path("fund/leverage", fund.leverage, name="leverage"),
    path("fund/returns", fund.returns, name="returns"),
    path("offerings/", offerings.index, name="offerings"),
    path("offerings/<str:code>", offerings.detail, name="offering"),
    path("offerings/<str:code>/demand", offerings.demand, name="demand"),
    path("offerings/<str:code>/allotment", offerings.allotment, name="allotment"),
    path("documents", pages.documents, name="documents"),
    path("documents/<str:kind>/<int:version>", pages.document, name="document"),
    path("help", pages.help_, name="help"),
    path("status", pages.status, name="status"),
    path("verify", pages.verify, name="verify"),
    path("join/", join.overview, name="join"),
    path("join/submit", join.submit, name="join-submit"),
    path("join/documents", papers.step, name="join-documents"),
    path("join/documents/<uuid:key>/<int:number>", papers.page, name="join-document"),
    path("join/<str:code>", join.step, name="join-step"),
    path("account/", account.overview, name="account"),
    path("account/subscribe/<str:code>", orders.subscribe, name="subscribe"),
    path("account/orders", orders.index, name="orders"),
    path("account/orders/<str:reference>", orders.detail, name="order"),
    path("account/orders/<str:reference>/withdraw", orders.withdraw, name="withdraw"),
    path("account/holdings", account.holdings, name="holdings"),
    path("account/profile", account.profile, name="profile"),
    path("account/inbox", account.inbox, name="inbox"),
    path("account/security", account.security, name="security"),
    path("account/security/devices/<int:number>/end", account.end_session, name="end-session"),
    path("account/recover/", recover.recover, name="recover"),
    path("account/recover/passkey", recover.passkey, name="recover-passkey"),
    path("account/recover/stop", recover.stop, name="recover-stop"),
]
