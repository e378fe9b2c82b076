"""A self-hosted engine for multi-channel sales outreach."""

__version__ = "0.1.0"
