"""What changes people and their sign-ins."""

from apps.users.services.accounts import (
    change_password,
    check_password_strength,
    create_user,
    deactivate_user,
    update_user,
)
from apps.users.services.sessions import sign_in, sign_out, sign_out_everywhere, sweep_sign_ins

__all__ = [
    "change_password",
    "check_password_strength",
    "create_user",
    "deactivate_user",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "sweep_sign_ins",
    "update_user",
]
