"""What stands between an installation and its first mail: each thing looked at, what is wrong, how to mend it."""
