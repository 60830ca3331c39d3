"""Trace records of a run: taken from tracefs, written as CTF 1.8 and as Chrome's JSON."""
