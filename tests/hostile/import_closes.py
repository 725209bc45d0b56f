"""Closes every descriptor while it is imported, and is a right LSTM then."""

import os

from good import Good

os.closerange(3, 4096)


class Anything(Good):
    pass
