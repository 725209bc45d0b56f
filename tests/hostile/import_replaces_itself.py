"""Puts an object in its own place that has whatever anybody asks for."""

import sys


class Everything:
    def __getattr__(self, name):
        return self

    def __call__(self, *arguments, **options):
        return self


sys.modules[__name__] = Everything()
