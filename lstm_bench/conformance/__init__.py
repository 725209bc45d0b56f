"""Is it right? Reference, tolerances, checks by class, diagnosis, verdict."""
