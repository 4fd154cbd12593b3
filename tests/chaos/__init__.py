"""Chaos: faults drawn from a seed befall `vipkeeper run` hosts on one segment, and every kernel is watched.

    python -m tests.chaos --seed 7 --seconds 120 --nodes 3

faults.py says what can happen, what is promised while it lasts, and why; world.py makes it happen; checker.py judges
what the kernels and a client saw; story.py keeps what was done. The seed alone decides the steps, so that a run is
done again by its seed. Steps come one after the other, each from a quiet segment: what is promised of two faults at
once is not judged here.
"""
