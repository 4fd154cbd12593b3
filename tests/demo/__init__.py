"""`make demo`: one act after the other, each in a file's function that can be read alone."""
