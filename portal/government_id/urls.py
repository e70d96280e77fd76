"""Addresses of this room. allauth includes ``urlpatterns`` once a provider; portal.urls includes the rest, once."""

from django.urls import URLPattern, path

from portal.government_id import views

urlpatterns: list[URLPattern] = []

PAGES = [
    path("", views.index, name="government_ids"),
    path("<slug:code>/", views.begin, name="government_id_begin"),
    path("<slug:code>/disconnect", views.disconnect, name="government_id_disconnect"),
]

# Registered with the providers, so without a language.
CALLBACKS = [path("<slug:code>/callback", views.callback, name="government_id_callback")]
