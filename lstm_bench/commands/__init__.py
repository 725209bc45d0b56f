"""One file a command: options in, a library call, words out. No logic of their own."""
