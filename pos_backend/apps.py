"""The project as an app: its commands, and what is checked before it opens."""

from django.apps import AppConfig


class PosBackend(AppConfig):
    name = "pos_backend"

    def ready(self) -> None:
        from pos_backend import safety  # noqa: F401 - registers its checks; needs the models
