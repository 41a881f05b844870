"""For gunicorn, with DJANGO_SETTINGS_MODULE=benchmarks.naive.settings."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
