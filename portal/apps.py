from importlib import import_module

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("portal.security").listen()  # models are loaded by now
        import_module("portal.second_factor").take_codes_once()
        import_module("portal.webhooks.signing").keys()  # a key that is none stops the start
