"""What every answer says to browsers, worked out once."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware, get_nonce
from django.utils.csp import CSP, build_policy


class ContentPolicyMiddleware(ContentSecurityPolicyMiddleware):
    """Django's content policy; one without a nonce is the same for every answer."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        own = hasattr(response, "_csp_config") or hasattr(response, "_csp_ro_config")
        if get_nonce(request) or own or settings.SECURE_CSP_REPORT_ONLY:
            return super().process_response(request, response)
        response.headers.setdefault(CSP.HEADER_ENFORCE.value, _without_nonce())
        return response


@cache
def _without_nonce() -> str:
    return build_policy(settings.SECURE_CSP)
