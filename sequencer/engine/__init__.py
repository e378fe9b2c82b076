"""Joins the pure to the outside. Each service is its dependencies and run_once."""
