"""Pages that bring along all that they need, a style sheet in the page itself, and run nothing."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string

# The page's own style sheet, by its nonce, is all that a browser may use.
POLICY = "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(template: str, content: Mapping[str, Any]) -> HttpResponse:
    """The template's page; its `<style>` carries `{{ nonce }}`."""
    nonce = secrets.token_urlsafe(16)
    text = render_to_string(template, {**content, "nonce": nonce})
    policy = {"Content-Security-Policy": POLICY.format(nonce=nonce)}
    return HttpResponse(text, content_type="text/html; charset=utf-8", headers=policy)
