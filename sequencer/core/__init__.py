"""The pure core: what a sequence says, where an enrollment stands, what happens next. Read decide.py first."""
