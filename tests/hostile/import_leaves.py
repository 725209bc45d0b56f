"""Ends the process that imports it, without a word and with success."""

import os

os._exit(0)


class Anything:
    """Never reached."""
