"""Pure codecs: mail made, mail read. No network, no clock, no table."""
