"""The wall between the harness and strangers' code: every subject in a process of its own.

``wire`` is what is said over it, ``zygote`` where processes come from, ``keeper`` who ends them,
``server`` the loop on the subject's side, ``worker`` the handle on ours. Nothing here knows what
a subject is asked, and nothing imports torch.
"""
