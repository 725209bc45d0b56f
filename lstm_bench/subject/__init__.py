"""A name, ``module:Attribute`` or ``file.py:Attribute`` becomes a Subject: one uniform view."""

from lstm_bench.subject.instance import Instance
from lstm_bench.subject.interface import Form, Interface, Slot
from lstm_bench.subject.subject import Subject, open_subject

__all__ = ["Form", "Instance", "Interface", "Slot", "Subject", "open_subject"]
