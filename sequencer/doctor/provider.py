"""What is known of the large mail providers: the SPF term that names their servers, and whether they file sent mail.

Here so that a mend can be the exact record to publish. A host that is not in the table is nothing bad.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from sequencer.mail.address import registrable_domain

__all__ = ["Provider", "provider_of", "spf_term"]


@dataclass(frozen=True, slots=True)
class Provider:
    """`spf`: the domain to include. `files_sent`: what is sent over its SMTP appears in Sent by itself."""

    name: str
    spf: str
    files_sent: bool = False


_GOOGLE = Provider("Google", "_spf.google.com", files_sent=True)
_MICROSOFT = Provider("Microsoft", "spf.protection.outlook.com", files_sent=True)
_BY_DOMAIN = {
    "gmail.com": _GOOGLE,
    "google.com": _GOOGLE,
    "office365.com": _MICROSOFT,
    "outlook.com": _MICROSOFT,
    "amazonaws.com": Provider("Amazon SES", "amazonses.com"),
    "fastmail.com": Provider("Fastmail", "spf.messagingengine.com"),
    "mailgun.org": Provider("Mailgun", "mailgun.org"),
    "mailjet.com": Provider("Mailjet", "spf.mailjet.com"),
    "ovh.net": Provider("OVH", "mx.ovh.com"),
    "postmarkapp.com": Provider("Postmark", "spf.mtasv.net"),
    "sendgrid.net": Provider("SendGrid", "sendgrid.net"),
}


def provider_of(host: str) -> Provider | None:
    """Whose server this is, by its name."""
    return _BY_DOMAIN.get(registrable_domain(host))


def spf_term(smtp_host: str) -> str:
    """The SPF term that allows what is sent through this host."""
    if provider := provider_of(smtp_host):
        return f"include:{provider.spf}"
    try:
        address = ip_address(smtp_host)
    except ValueError:
        return f"a:{smtp_host}" if "." in smtp_host else "mx"
    return "mx" if address.is_loopback or address.is_private else f"ip{address.version}:{address}"
