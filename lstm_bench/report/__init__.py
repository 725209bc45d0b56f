"""Samples → tables, figures, one page. Needs pandas and matplotlib; never torch."""
