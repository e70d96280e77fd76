"""`manage.py one_time_code EMAIL`: the code that a demonstration officer's phone would show now."""

import base64
import time
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.demonstration import desk


class Command(BaseCommand):
    help = "The one-time code of a demonstration login; only on a machine of one's own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        login = desk.logins().get(options["email"], {})
        if not settings.LOCAL or "totp" not in login:
            raise CommandError("There is no such login in the demonstration of this machine.")
        # SHA-1 is what RFC 6238 has phones speak.
        generator = TOTP(base64.b32decode(login["totp"]), 6, SHA1(), 30)  # nosec B303
        self.stdout.write(generator.generate(int(time.time())).decode())
