"""Every address of the portal. Pages stand under their language; machines' addresses have none."""

from allauth.account.decorators import secure_admin_login
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from portal import health
from portal.web import pages

# Officers sign in where everybody does, with a second factor, and not at the admin's own form.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/auth/", include("allauth.headless.urls")),
    path(".well-known/security.txt", pages.security_txt, name="security-txt"),
    *i18n_patterns(
        path("account/", include("allauth.urls")),
        path("officers/", admin.site.urls),
        path("", include("portal.web.urls")),
    ),
]
