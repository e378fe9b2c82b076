"""Why a template gave no text for one person.

It is here because render.py and the rooms of the template language below it raise the same errors. Each stops one
message of one person; what is wrong with a file for everybody is a DefinitionError.
"""

from sequencer.errors import SequencerError

__all__ = ["MissingField", "RenderError", "TemplateFailed"]


class RenderError(SequencerError):
    """No text for this person; `template` is a path below templates/, `line` 0 if it is not known."""

    def __init__(self, template: str, line: int, message: str) -> None:
        super().__init__(template, line, message)
        self.template, self.line, self.message = template, line, message

    def __str__(self) -> str:
        where = f"{self.template}:{self.line}" if self.line else self.template
        return f"{where}: {self.message}"


class MissingField(RenderError):
    """The text prints fields that this person does not have; `field` (`account.hiring`) is the first of `fields`."""

    def __init__(self, fields: tuple[str, ...], template: str, line: int) -> None:
        super().__init__(template, line, f"needs {', '.join(fields)}")
        self.field, self.fields = fields[0], fields


class TemplateFailed(RenderError):
    """The template cannot be used for this person."""
