"""Leaves a process behind while it is imported, and is a right LSTM then."""

import children
from good import Good

children.ForksADaemon.attack(None)


class Anything(Good):
    pass
