"""Figures as inline SVG, by matplotlib. Each has a title, units and a text alternative."""
