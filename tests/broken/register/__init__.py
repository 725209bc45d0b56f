"""The register of planted defects, a file for every few classes of failure. No torch here."""
