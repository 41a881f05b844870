#!/usr/bin/env python
"""Django's command line, told in plain words when the database is not there."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pos_backend.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        sys.exit(f"The database cannot be used: {error}\n{_what_to_do()}")


def _what_to_do() -> str:
    from django.conf import settings

    if settings.EMBEDDED_DATABASE:
        return "Start the shop with `make run` and try again in a second terminal, or set DATABASE_URL."
    return (
        "Check DATABASE_URL (or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST, DB_PORT) and that the server is up."
    )


if __name__ == "__main__":
    main()
