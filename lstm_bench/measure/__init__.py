"""How long, and how much memory? Workloads, clock, passes, samples, machine facts, runs."""
