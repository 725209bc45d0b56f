"""A class body that never ends."""

import attacks
from good import Good


class Anything(Good):
    attacks.sleep()
