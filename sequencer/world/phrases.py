"""What the simulated people say, in their languages: answers, absences, and the line above a quoted mail.

Apart from the people because these are words and those are behaviour. `{month}`, `{date}`, `{name}` and `{address}`
are filled in by world/people.py. Nothing here is read by the product.
"""

from datetime import date
from typing import Literal

__all__ = ["ABSENCES", "ANSWERS", "SAID", "Language", "in_words", "month_name"]

Language = Literal["en", "es", "de"]
Answer = Literal["interested", "question", "not_now", "referral", "not_interested", "opt_out", "colleague"]

ANSWERS: dict[Answer, dict[Language, tuple[str, ...]]] = {
    "interested": {
        "en": (
            "Sounds good, please send me that one page. Our slowest pipeline takes about fifty minutes.",
            "Yes please, tell me more. We would love to see what repeats.",
        ),
        "es": (
            "Me interesa, envíeme por favor más información. Nuestra integración tarda casi una hora.",
            "Suena muy interesante. Mándame más detalles, por favor.",
        ),
        "de": (
            "Das klingt sehr interessant. Schicken Sie mir bitte mehr Unterlagen dazu.",
            "Ja, gerne mehr davon. Unsere Builds dauern derweil fast eine Stunde.",
        ),
    },
    "question": {
        "en": ("Does it work with a self-hosted runner, and what does it cost?",),
        "es": ("¿Cuánto cuesta, y funciona con servidores propios?",),
        "de": ("Was kostet das, und läuft es auch auf eigenen Servern?",),
    },
    "not_now": {
        "en": ("This is not a good time for us. Please get back to me on 15 {month}.",),
        "es": ("Ahora mismo no es buen momento. Escríbame de nuevo el 15 de {month}.",),
        "de": ("Im Moment passt es leider nicht. Melden Sie sich bitte am 15. {month} wieder.",),
    },
    "referral": {
        "en": ("I am not the right person for this. Please write to {name} ({address}) instead, who owns our builds.",),
        "es": ("No soy la persona adecuada. Contacte con {name} ({address}), que se encarga de esto.",),
        "de": ("Dafür bin ich nicht zuständig. Bitte wenden Sie sich an {name} ({address}).",),
    },
    "not_interested": {
        "en": ("No thanks, we are not interested. We already have something in place.",),
        "es": ("No, gracias. No nos interesa, ya tenemos una solución.",),
        "de": ("Nein danke, wir haben kein Interesse.",),
    },
    "opt_out": {
        "en": ("Please remove me from your list and do not contact me again.",),
        "es": ("Por favor, deje de escribirme y elimíneme de su lista.",),
        "de": ("Bitte streichen Sie mich aus Ihrem Verteiler und schreiben Sie mir nicht mehr.",),
    },
    "colleague": {
        "en": ("I am answering for {name}. Please send the details to me, we would like to see them.",),
        "es": ("Contesto en nombre de {name}. Mándeme por favor los detalles, nos interesa.",),
        "de": ("Ich antworte für {name}. Bitte senden Sie mir die Unterlagen, das klingt interessant.",),
    },
}

# Subject and text of an automatic reply; `{date}` is the first day back.
ABSENCES: dict[Language, tuple[str, str]] = {
    "en": (
        "Automatic reply: {subject}",
        "I am out of the office and will be back on {date}. I do not read mail until then.",
    ),
    "es": (
        "Respuesta automática: {subject}",
        "Estoy fuera de la oficina. Estaré de vuelta el {date} y contestaré entonces a su mensaje.",
    ),
    "de": (
        "Automatische Antwort: {subject}",
        "Ich bin derzeit nicht im Büro und ab dem {date} wieder erreichbar. Ihre Nachricht wird nicht weitergeleitet.",
    ),
}  # fmt: skip

# The line that a mail program writes above the mail it quotes.
SAID: dict[Language, str] = {
    "en": "On {date} at {time}, {name} <{address}> wrote:",
    "es": "El {date} a las {time}, {name} <{address}> escribió:",
    "de": "Am {date} um {time} schrieb {name} <{address}>:",
}

_MONTHS: dict[Language, tuple[str, ...]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
           "November", "Dezember"),
}  # fmt: skip
_FORMS: dict[Language, str] = {
    "en": "{day} {month} {year}",
    "es": "{day} de {month} de {year}",
    "de": "{day}. {month} {year}",
}


def month_name(language: Language, month: int) -> str:
    """The month, 1 to 12, in words."""
    return _MONTHS[language][month - 1]


def in_words(language: Language, day: date) -> str:
    """The date as people of that language write it: `1 December 2026`."""
    return _FORMS[language].format(day=day.day, month=month_name(language, day.month), year=day.year)
