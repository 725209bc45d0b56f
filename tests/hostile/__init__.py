"""A corpus of subjects that try to take the harness down. Importing this package is harmless.

``ROWS`` has a line for each. All are right LSTMs but for what they do besides, and what reaches
beyond their own process acts only under the mark of ``safety.py``.
"""

from tests.hostile.record import COMMANDS, FOLDER, Row
from tests.hostile.register import ROWS

GOOD = f"{FOLDER}/good.py:Good"

__all__ = ["COMMANDS", "FOLDER", "GOOD", "ROWS", "Row"]
