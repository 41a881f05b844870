"""The shop as it is set up in production, for one test: HTTPS, secure cookies, one exact front end."""

from typing import Any

ORIGIN = "https://shop.example"
FRONT_END = "https://till.shop.example"


def in_production(settings: Any, proxies: int = 0) -> None:
    """What the settings say there (tests/security/test_borders.py compares it with the real ones)."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.ALLOWED_HOSTS = ["shop.example"]
    settings.CORS_ALLOWED_ORIGINS = [FRONT_END]
    settings.CSRF_TRUSTED_ORIGINS = []
    settings.API_DOCS_PUBLIC = False
    settings.NUM_PROXIES = proxies
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if proxies else None
