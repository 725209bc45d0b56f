"""Needs a package that is not there."""

import a_package_that_nobody_has  # noqa: F401
from hosts import FusedLSTM


class NeedsAPackage(FusedLSTM):
    """Would be fine."""
