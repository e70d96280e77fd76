from django.apps import AppConfig


class FundConfig(AppConfig):
    """The vault: what is owned, owed and priced."""

    name = "fund"
