"""A class that is made by a metaclass which refuses to show, name or call it."""

from good import Good


class Biting(type):
    def __call__(cls, *arguments, **options):
        raise BaseException("no instances")

    def __getattribute__(cls, name):
        raise OSError(f"no {name}")


class Anything(Good, metaclass=Biting):
    pass
