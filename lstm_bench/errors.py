"""Errors that are the user's to mend. Their message is one clear line; the command exits with 2."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong input: an unknown name, an impossible size, a file that is none of ours."""
