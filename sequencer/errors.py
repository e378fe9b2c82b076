"""The exceptions people see; outcomes of a send are values (core/outcome.py), not exceptions.

    SequencerError                 one clear line for a person; `exit_code` 2 means wrong input, 1 a failure
    ├── DefinitionError            a sequence, template, scenario or CSV file (path, line, hint)
    │   └── DefinitionErrors       all of them of all files at once
    ├── ConfigError                config.toml (key, expected, found, line)
    │   └── ConfigErrors           all of them at once
    ├── InputError                 a command was asked for something it cannot do; says how to mend it
    ├── StoreError                 the database
    │   ├── NotFound  AlreadyEnrolled  SchemaTooNew
    ├── InboxLost  InboxBroken     an inbox: try again, or mend it
    ├── UnparseableMessage         a mail that no reader can take apart: it is parked
    └── InvariantBroken            a bug: that enrollment stops, the rest goes on

It does not format for a terminal: cli/ does.
"""

from collections.abc import Sequence


class SequencerError(Exception):
    """One clear line for a person."""

    exit_code = 1


class DefinitionError(SequencerError):
    """A file says something that it may not say."""

    exit_code = 2

    def __init__(self, path: str, line: int, message: str, hint: str = "") -> None:
        super().__init__(path, line, message, hint)
        self.path, self.line, self.message, self.hint = path, line, message, hint

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.message}" + (f" — {self.hint}" if self.hint else "")


class DefinitionErrors(SequencerError):
    """All that is wrong in all files, in the order of file and line."""

    exit_code = 2

    def __init__(self, errors: Sequence[DefinitionError]) -> None:
        super().__init__(tuple(errors))
        self.errors = tuple(sorted(errors, key=lambda error: (error.path, error.line)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class ConfigError(SequencerError):
    """config.toml: `key` is its dotted path, "" for the whole file; `line` counts from 1, 0 where it is not written.

    Without `found`, `expected` is the whole sentence.
    """

    exit_code = 2

    def __init__(self, key: str, expected: str, found: str = "", line: int = 0) -> None:
        super().__init__(key, expected, found, line)
        self.key, self.expected, self.found, self.line = key, expected, found, line

    @property
    def errors(self) -> "tuple[ConfigError, ...]":
        """Each error by itself."""
        return (self,)

    @property
    def message(self) -> str:
        """What is wrong, without the file."""
        said = f"expected {self.expected}, found {self.found}" if self.found else self.expected
        return f"{self.key}: {said}" if self.key else said

    def __str__(self) -> str:
        return f"config.toml:{self.line}: {self.message}" if self.line else f"config.toml: {self.message}"


class ConfigErrors(ConfigError):
    """All that is wrong in config.toml, in the order of lines; at least one."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self._errors = tuple(sorted(errors, key=lambda error: error.line))
        first = self._errors[0]
        super().__init__(first.key, first.expected, first.found, first.line)

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        return self._errors

    def __str__(self) -> str:
        return "\n".join(map(str, self._errors))


class InputError(SequencerError):
    """A command was asked for something that it cannot do; the message says how to mend it."""

    exit_code = 2


class StoreError(SequencerError):
    """The database refuses."""


class NotFound(StoreError):
    exit_code = 2


class AlreadyEnrolled(StoreError):
    exit_code = 2


class SchemaTooNew(StoreError):
    """The database was written by a newer version."""


class UnparseableMessage(SequencerError):
    """A mail that cannot be taken apart within the limits: it is parked for a person."""


class InvariantBroken(SequencerError):
    """A bug: this enrollment stops, the rest keeps running."""


class InboxLost(SequencerError):
    """The connection or the server failed: trying again can help. Until then nobody knows what arrived."""


class InboxBroken(SequencerError):
    """Wrong password, certificate or path: only a person can mend it."""
