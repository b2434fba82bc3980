"""Machines on which programs run and files lie: this one, and those that SSH reaches."""
