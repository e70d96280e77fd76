from django.apps import AppConfig


class InvestorsConfig(AppConfig):
    """The reception: who may take part."""

    name = "investors"
