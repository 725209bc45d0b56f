"""Never finishes being imported, and is busy meanwhile."""

while True:
    pass
