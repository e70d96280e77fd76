"""Every address of the portal. Pages stand under their language; machines' addresses have none."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from portal import health, metrics
from portal.government_id import urls as government_id
from portal.officers.rooms import site as officers_site
from portal.web import account, pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("portal.api.urls")),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/auth/", include("allauth.headless.urls")),
    path(".well-known/security.txt", pages.security_txt, name="security-txt"),
    path("account/identity/", include(government_id.CALLBACKS)),
    *i18n_patterns(
        path(
            "account/2fa/webauthn/reauthenticate/",
            account.ProveByPasskey.as_view(),
            name="mfa_reauthenticate_webauthn",
        ),
        path("account/identity/", include(government_id.PAGES)),
        path("account/3rdparty/", RedirectView.as_view(pattern_name="security"), name="socialaccount_connections"),
        path("account/", include("allauth.urls")),
        path("officers/", officers_site.urls),
        path("", include("portal.web.urls")),
    ),
]
