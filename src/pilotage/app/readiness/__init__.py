"""Readiness: what each item of a plan rests on, from files, other services and our own records."""
