"""`manage.py appoint`: a nation's first administrator, who has nobody yet to be appointed by."""

from typing import Any

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from fund.governance import audit
from fund.governance.officers import Duty, Officer
from fund.holders import Nation
from portal.owner import connected_as_owner


class Command(BaseCommand):
    help = (
        "Appoints a nation's first administrator, as the owner of the tables. Everybody after that is appointed at the"
        " officers' desk by both nations' administrators; while a nation has one, this command refuses."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="a confirmed address of an account that has signed up")
        parser.add_argument("--nation", choices=Nation.values, required=True)
        parser.add_argument("--person", required=True, help="the ministry's number of the person")
        parser.add_argument("--name-en", required=True)
        parser.add_argument("--name-ja", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        address = EmailAddress.objects.filter(email__iexact=options["email"], verified=True).first()
        if address is None:
            raise CommandError("No account has confirmed this address.")
        standing = Officer.objects.filter(nation=options["nation"], duties__contains=[Duty.ADMINISTRATION])
        if any(one.in_office(now) for one in standing):
            raise CommandError("This nation has an administrator: officers are appointed at the desk.")
        if Officer.objects.filter(user_id=address.user_id).exists():
            raise CommandError("This account is or was an officer's.")
        with connected_as_owner():
            appointed = Officer.objects.create(
                user_id=address.user_id,
                person=options["person"],
                nation=options["nation"],
                name_en=options["name_en"],
                name_ja=options["name_ja"],
                duties=[Duty.ADMINISTRATION],
                in_office_from=now,
            )
        audit.record(actor="system", verb="office.first", subject=appointed.actor, now=now, nation=appointed.nation)
        self.stdout.write(f"{appointed} administers the officers of {appointed.get_nation_display()}.")
