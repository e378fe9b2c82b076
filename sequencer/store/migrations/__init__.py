"""The history of the schema, run from inside the package by store/migrate.py."""
