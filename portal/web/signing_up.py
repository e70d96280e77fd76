"""What allauth does not know of: the language of a new account is that of the page on which it was made."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from portal.accounts import User
from portal.web import words


class Adapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.language = words.language()
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def get_login_stages(self) -> list[str]:
        """allauth's, with our own second factor, which knows of government identities."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "portal.government_id.doors.SecondFactorStage"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]
