"""A class body that ends the process."""

import os

from good import Good


class Anything(Good):
    os._exit(3)
