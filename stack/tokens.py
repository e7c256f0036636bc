"""Issue tokens for the embedded service."""

from __future__ import annotations

from kit.tokens import LIFETIME, Role, token
from stack.errors import StackError

__all__ = ["LIFETIME", "Role", "role_of", "token"]


def role_of(name: str) -> Role:
    """Raise StackError for a name that is not a role."""
    try:
        return Role(name)
    except ValueError:
        raise StackError(f"{name!r} is not a role: customer, operator or admin") from None
