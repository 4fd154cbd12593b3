"""The journal: what happened to each virtual router, in a ring of bounded size, and the way back from a file of it.

`ring` keeps it in the engine, `codec` turns values of `vrrp/` into JSON and back, `file` is the form on disk. `replay`
hands a journal to the pure core again and finds the first difference, `timeline` tells it to people; the engine loads
neither. Pure: nothing here knows a clock or a disk.
"""
