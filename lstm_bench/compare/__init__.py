"""Faster, slower, equal, or cannot tell: decisions that hold on a noisy machine."""
