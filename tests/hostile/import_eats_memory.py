"""Takes memory while it is imported."""

import memory

memory.hoard()


class Anything:
    """Never reached."""
