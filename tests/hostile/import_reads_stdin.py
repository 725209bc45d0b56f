"""Waits for an answer at the keyboard."""

input("Proceed? ")
