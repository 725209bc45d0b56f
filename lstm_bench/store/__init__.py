"""What is kept on disk, read and written in one way by everything. Needs no torch.

``shapes`` says what a value must look like, ``files`` what each file holds, ``kinds`` which files
a folder has; ``folder`` reads one, and ``write`` puts files and lines onto the disk so that a kill
loses nothing.
"""
