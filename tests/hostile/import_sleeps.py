"""Never finishes being imported."""

import time

while True:
    time.sleep(1)


class Anything:
    """Never reached."""
