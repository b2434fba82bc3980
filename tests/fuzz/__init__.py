"""A differential fuzz of everything that reads what others wrote: files of other tools, mutated, read twice.

`python3 dev.py fuzz --minutes 60 --corpus FOLDER [reader …]`. The folder holds whatever files there are: test data of
other projects, lock files, migrations, clones of repositories. None of it is part of this repository.
"""
