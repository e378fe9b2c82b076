"""Files become checked models here: sequences, templates, lists of people."""
