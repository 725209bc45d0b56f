"""A class body that raises none of Exception's."""

from good import Good


class Anything(Good):
    raise GeneratorExit
