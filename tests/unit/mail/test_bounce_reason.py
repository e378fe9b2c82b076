"""What servers say, each wording written for this test: why a mail came back, and whether the address is dead.

One diagnostic a line, in English; test_bounce_languages.py has the other languages.
"""

import pytest

from sequencer.mail.bounce_reason import DIAGNOSTIC_CHARS_MAX, judge

UNKNOWN = """
550 #5.1.0 Address rejected.
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
550 5.1.1 RESOLVER.ADR.RecipNotFound; not found
#550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found ##
550 5.4.1 Recipient address rejected: Access denied. AS(201806281)
550 5.5.0 Requested action not taken: mailbox unavailable
The recipient name is not recognized The MTS-ID of the original message is: c=us;a= ;p=acme;l=SRV-0000
554 delivery error: dd This user doesn't have a yahoo.co.uk account (jo@yahoo.co.uk) [-5] - mta1004
552 1 Requested mail action aborted, mailbox not found
550 5.1.1 <jo@aol.com>: Recipient address rejected: aol.com
MAILBOX NOT FOUND
This user doesn't have a yahoo.com account (jo@yahoo.com) [0]
unknown user: "jo"
553 5.3.0 <jo@acme.test>... No such user here
550 5.1.1 User no longer on server
Unrouteable address
SMTP error from remote mail server after RCPT TO:<jo@acme.test>: 550 No such user here
unknown local-part "jo" in domain "acme.test"
Sorry, no mailbox here by that name. (#5.1.1)
192.0.2.1 does not like recipient. Remote host said: 550 <jo@acme.test>: User unknown Giving up on 192.0.2.1.
This address no longer accepts mail.
Hi. This user has no mailbox here
550 5.1.1 <jo@acme.test>... User unknown
User jo (jo@acme.test) not listed in Domino Directory
User jo (jo@acme.test) not listed in public Name & Address Book
550 jo@acme.test... No such user
Error transferring to ACME.TEST; SMTP Protocol Returned a Permanent Error 550 5.1.1 unknown recipient
Benutzer jo (jo@acme.test) im Domino-Verzeichnis nicht aufgeführt
L'utilisateur jo (jo@acme.test) n'est pas répertorié dans l'annuaire Domino
User unknown. Groupwise: 550 The user is not found in the post office
No such object in directory
550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [x]
550-Invalid recipient jo@acme.test 550 (Mode: normal)
550 permanent failure for one or more recipients (jo@acme.test:550 5.1.1 User unknown)
5.1.0 - Unknown address error 550-'No such user here'
550 cuda_nsu jo@acme.test
553 sorry, that recipient's mailbox does not exist (#5.7.1)
550 5.1.1 <jo@comcast.net> Account not available
550 5.1.1 Not our Customer
550 5.7.1 <jo@web.de> : Recipient address rejected: No such user
550 5.1.1 <jo@orange.fr> Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]
550 Message was not accepted -- invalid mailbox. Local mailbox jo@mail.ru is unavailable: user not found
550 5.7.1 No such user!
550 Unknown user jo@docomo.ne.jp
550 User unknown
550 Mailbox not found
550 5.1.1 unknown or illegal alias: jo@acme.test
550 User account is unavailable
550 Bad destination mailbox address
501 5.1.3 Bad recipient address syntax
550 5.1.1 Mailbox "jo" does not exist
550 no mailbox by that name is currently available
550 The mailbox is not available on this server
550 invalid address
550 Mail to this domain is no longer accepted
550 5.1.1 Recipient address rejected: User unknown in relay recipient table
550 5.1.1 jo@acme.test User doesn't exist: jo@acme.test
550 mailbox jo does not exist here, message rejected as undeliverable
550 No such recipient here, mail refused
550 5.4.1 All recipient addresses rejected : Access denied
550 Unable to find alias user <jo@acme.test>
550 No mail box found
550 Not a valid recipient
550 Recipient not in our database
550 cannot find your recipient
550 This recipient is not in my validrcptto list (#5.1.1)
550 sorry, no valid recipients (#5.1.3)
550 sorry, this recipient is not in my validrcptto list (#5.7.1)
550 jo@acme.test: user does not exist
550 This e-mail address is not in use
"""
NO_DOMAIN = """
DNS Error: DNS type 'mx' lookup of acme.test responded with code NXDOMAIN Domain name not found: acme.test
550 5.4.310 DNS domain acme.test does not exist [Message=InfoDomainNonexistent]
550 5.4.4 SMTPSEND.DNS.NonExistentDomain; nonexistent domain
Host or domain name not found. Name service error for name=acme.test type=A: Host not found
unable to look up host mx.acme.test: Name or service not known
Domain acme.test does not accept mail (nullMX)
all relevant MX records point to non-existent hosts
an MX or SRV record indicated no SMTP service
Sorry, I couldn't find any host named acme.test. (#5.1.2)
Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)
550 5.1.2 <jo@acme.test>... Host unknown (Name server: acme.test.: host not found)
5.1.2 - Bad destination host 'DNS Hard Error looking up acme.test (MX): NXDomain'
550 5.1.2 relaying to unknown domain
550 5.1.1 unrouteable mail domain "acme.test"
domain does not exist
unknown host
DNS lookup failure: NXDOMAIN
no MX record for acme.test
could not resolve host acme.test
Illegal host/domain name found
550 Domain not hosted here
domain is not hosted on this server
"""
DISABLED = """
554 30 Sorry, your message to jo@yahoo.com cannot be delivered. This mailbox is disabled (554.30).
550 5.2.1 <jo@acme.test>... Mailbox disabled for this recipient
550 Message was not accepted -- invalid mailbox. Local mailbox jo@mail.ru is unavailable: account is disabled
550 5.2.0 Message could not be delivered. User's mailbox is inactive
550 5.1.1 Mailbox inactive for 90 days
550 account closed
550 the account has been suspended for non payment
550 This mailbox has been blocked due to inactivity
550 account expired
550 5.2.1 the mailbox has expired
"""
MOVED = """
551 5.1.6 <jo@acme.test>... User has moved; please try <jo2@acme.test>
550 jo@acme.test is no longer with the company
550 5.1.1 Jo has left the organisation
550 5.1.6 recipient no longer on server
"""
FULL = """
554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException
The message could not be delivered because the recipient's mailbox is full.
User's account is over quota. User unknown in quota table
maildir delivery failed: Disk quota exceeded
temporary failure. Command output: quota exceeded
mailbox is full (quota exceeded while writing to file /home/jo/mail)
The users mailfolder is over the allowed quota (size). (#5.2.2)
Recipient's mailbox is full, message returned to sender. (#5.2.2)
554 5.2.2 jo@acme.test mailbox full - Over quota
550 5.1.1 La boite de ce destinataire est pleine
552 5.2.2 mailbox size limit exceeded
550 Recipient rejected: Mailbox would exceed maximum allowed storage
452 4.3.1 Insufficient system storage
550 5.4.5 Daily user sending quota exceeded
550 5.5.1 Recipient rejected - mailbox would exceed quota
554 qq Mailbox has exceeded the limit
552 insufficient disk space
452 4.2.2 Mailbox full
550 Mailbox quota usage exceeded
5.2.2 mailbox hat das Größenlimit erreicht
"""
SIZE = """
552-5.3.4 Your message exceeded Google's message size limits.
message size 20480000 exceeds size limit 10240000 of server mx.acme.test[192.0.2.1]
Domain acme.test has exceeded the max emails per hour (500/500 (100%)) allowed. Message discarded.
552 Mail size limit exceeded
552 5.6.0 Headers too large (32768 max)
552 message exceeds fixed maximum message size
523 the message size exceeds the recipient's size limit
552 5.3.4 Error: message file too big
"""
POLICY = """
421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.
550 5.7.1 Unauthenticated email from acme.test is not accepted due to domain's DMARC policy.
554 5.7.1 The sending IP does not have a PTR record
552-5.7.0 This message was blocked because its content presents a potential security issue.
550 5.7.1 RESOLVER.RST.AuthRequired; authentication required
550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
550 5.7.124 RESOLVER.RST.SenderNotInAcceptList; not authorized to send
554 5.6.0 STOREDRV.Deliver.Exception:ConversionFailedException
550 5.4.316 Message expired, connection refused(Socket error code 10061)
550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP
550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message
550 5.7.606 Access denied, banned sending IP [192.0.2.1]
550 5.7.515 Access denied, sending domain acme.test does not meet the required authentication level
451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)
550 5.7.64 TenantAttribution; Relay Access Denied
554 5.4.14 Hop count exceeded - possible mail loop ATTR34
550 5.1.8 Access denied, bad outbound sender
The message reached the recipient's e-mail system, but delivery was refused. Attempt to resend the message.
554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes
421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints
553 5.7.1 [BL21] Connections not accepted from IP addresses on Spamhaus XBL
554 5.2.1 (HVU:B1) The URL contained in your email to AOL members has generated a high volume of complaints.
jo IS NOT ACCEPTING MAIL FROM THIS SENDER
mail for acme.test loops back to myself
connect to mx.acme.test[192.0.2.1]:25: Connection refused
host mx said: 554 5.7.1 <jo@acme.test>: Relay access denied (in reply to RCPT TO command)
554 5.7.1 <ana@ourco.test>: Sender address rejected: Domain not found
550 5.1.8 <ana@ourco.test>: Sender address rejected: Domain not found
550 5.7.1 <ana@ourco.test>: Sender address rejected: undeliverable address: host mx said: 550 user unknown
504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname
450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]
550 5.1.0 <ana@ourco.test> sender rejected
SMTP error from remote mail server after RCPT TO:<jo@acme.test>: 550 Sender verify failed
Child process of virtual_localdelivery transport returned 77 from command: permission denied
550 R1: HELO should be a FQDN or address literal
550 Callout verification failed
192.0.2.1 failed after I sent the message. Remote host said: 554 5.7.1 Spam detected
Connected to 192.0.2.1 but sender was rejected. Remote host said: 550 no such sender
Connected to 192.0.2.1 but greeting failed. Remote host said: 554 your IP is blacklisted
sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
554 5.4.6 Too many hops 26 (25 max)
553 5.3.5 mx.acme.test. config error: mail loops back to me (MX problem?)
550 5.7.1 <jo@acme.test>... Relaying denied. IP name lookup failed [192.0.2.1]
451 4.1.8 Domain of sender address ana@ourco.test does not resolve
553 5.1.8 <ana@ourco.test>... Domain of sender address ana@ourco.test does not exist
550 5.0.0 Access denied
Maximum hop count exceeded. Message probably in a routing loop.
550 Rejected by header based manually Blocked Senders - https://community.mimecast.com/docs/DOC-1369#550
550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550
554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1
550 permanent failure for one or more recipients (jo@acme.test:blocked)
5.1.0 - Unknown address error 550-'5.7.1 Mail from 192.0.2.1 refused - see http://www.spamcop.net'
5.3.0 - Other mail system problem 554-'Message refused: content'
554 You are not allowed to send mail to jo@acme.test
550 High probability of spam
550 Your message was considered spam
571 Message Refused
554 rejected due to spam content
550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.
550 mail not accepted from blacklisted IP address [192.0.2.1]
550 5.7.1 Recipient not authorized, your IP has been found on a block list
550 [PERMFAIL] comcast.net requires Reverse DNS
550-Requested action not taken: mailbox unavailable 550 invalid DNS MX or A/AAAA resource record
550 5.7.0 Mail rejete. Mail rejected. OFR_506 [506]
550 5.5.0 spam detecte OFR_999 [999]
550 5.7.1 Policy rejection on the target address
554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc
553 Mail data refused by AISP, rule [1].
550 Mail is rejected by recipients
550 Domain may not exist or DNS check failed
550 Connection frequency limited
452 Too many recipients received this hour
550 This account is not allowed to receive mail
530 5.7.0 Must issue a STARTTLS command first
530 5.7.1 Authentication required
550 5.0.0 Mail rejected by local policy
432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded
550 5.6.1 SMTPUTF8 required, but not supported
550 5.6.0 Lone CR or LF in body
550 Messages with attachments of type .exe are not allowed
550 Missing Message-ID header
550 5.5.3 Too many recipients
550 Your domain is not allowed to send to this list; only members may post
550 5.7.1 You are not allowed to send to this distribution group
550 Your account ana@ourco.test has been suspended from sending mail
550 5.7.1 Your account is blocked
550 5.7.1 sending domain suspended
550 5.1.7 invalid address
550 5.1.7 bad sender's mailbox address syntax
550 invalid sender address
550 5.7.1 Sender unknown
550 The recipient only accepts mail from known senders
550 5.7.1 recipient does not accept mail from external senders
550 5.7.133 sender not authenticated for group
550 you don't have permission to send to this recipient
Your message couldn't be delivered to the recipient because you don't have permission to send to it.
550 the group only accepts messages from people in its organization
554 5.4.7 Message expired unable to deliver in 3 days. <421 Too many connections>
550 5.7.0 Local Policy Violation
550 Blocked by Spam Filter
"""
UNREACHABLE = """
DNS Error: DNS type 'mx' lookup of acme.test responded with code SERVFAIL
550 5.4.312 Message expired, DNS query failed(ServerFailure)
550 5.4.300 Message expired -> 451 4.4.1 Error communicating with target host
#550 4.4.7 QUEUE.Expired; message expired ##
Unable to deliver the message due to a communications failure MSEXCH:IMS:Acme:SITE:SRV 0 (00000000) Unknown
Command died with status 127: "/usr/local/bin/deliver". Command output: sh: not found
retry timeout exceeded
SMTP error from remote mail server after end of data: 550 Message headers fail syntax check
SMTP error from remote mail server after initial connection: host mx: 554 Transaction failed
all hosts for 'acme.test' have been failing for a long time (and retry time not reached)
CNAME lookup failed temporarily. (#4.4.3)
<jo@acme.test>... Deferred: Connection timed out with mx.acme.test.
554 5.3.0 unknown mailer error 1
Router: Failed to connect to SMTP host ACME.TEST because : The server is not responding.
451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451
5.4.7 - Delivery expired (message too old) 'timeout'
4.4.0 - Other network problem 'DNS Soft Error looking up acme.test (MX)'
554 5.0.0 Service unavailable
451 4.3.0 Temporary system failure
451 Requested action aborted: local error in processing
550 this user's mailbox is temporarily disabled
550 The account is temporarily suspended, try later
mailbox temporarily locked by another process
421 4.4.2 acme.test Error: timeout exceeded
no route to host
Network is unreachable
Operation timed out
the mail server is not reachable
could not connect to any MX host
SMTP connection timed out
"""
UNCLEAR = """
No transport provider was available for delivery to this recipient.
lost connection with mx.acme.test[192.0.2.1] while receiving the initial server greeting
lowest numbered MX record points to local host
remote host address is the local host
can't create (user) output file
554 Denied (Mode: normal)
the recipient's message store has run out of room
DNS server returned answer with no data
"""


def rows(said: str, reason: str) -> list[tuple[str, str]]:
    return [(line, reason) for line in said.splitlines() if line]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *rows(UNKNOWN, "unknown"),
        *rows(NO_DOMAIN, "no_domain"),
        *rows(DISABLED, "disabled"),
        *rows(MOVED, "moved"),
        *rows(FULL, "full"),
        *rows(SIZE, "size"),
        *rows(POLICY, "policy"),
        *rows(UNREACHABLE, "unreachable"),
        *rows(UNCLEAR, "unclear"),
    ],
)
def test_what_a_server_says(text: str, reason: str) -> None:
    verdict = judge(text)
    assert (verdict.reason, verdict.dead) == (reason, reason in {"unknown", "no_domain", "disabled", "moved"})


CODES = [
    # text, the report's Status, its Action is failed; reason, permanent, dead
    ("user unknown", "5.0.0", True, "unknown", True, True),  # the words fill a code that only repeats the class
    ("550 5.7.1 No such user", "5.7.1", True, "unknown", True, True),  # a policy code over plain words
    ("550 5.1.1 mailbox over quota", "5.1.1", True, "full", True, False),  # an address code over plain words
    ("550 5.2.2 user unknown", "5.2.2", True, "full", True, False),  # the exact code for a full mailbox is believed
    ("450 4.1.1 user unknown", "4.1.1", True, "unknown", False, True),  # the server gave up on an unknown user
    ("450 4.1.1 user unknown", "4.1.1", False, "unknown", False, False),  # it has not given up
    ("Host not found, try again", "4.4.3", True, "no_domain", False, False),  # a name server that may come back
    ("451 4.2.1 mailbox disabled", "4.2.1", True, "disabled", False, False),  # so may an account
    ("", "5.1.1", True, "unknown", True, True),  # nothing but a code
    ("", "5.4.4", True, "no_domain", True, True),
    ("", "5.2.3", True, "size", True, False),
    ("", "5.7.1", True, "policy", True, False),
    ("", "", True, "unclear", True, False),
    ("550", "", True, "unknown", True, True),
    ("550 sorry (in reply to end of DATA command)", "", True, "policy", True, False),  # not about the recipient
    ("550 see https://www.spamhaus.org/query/ip/192.0.2.1", "", True, "policy", True, False),  # only a link tells
    ("421 please hold", "", True, "unclear", False, False),
    ("retry timeout exceeded", "", True, "unreachable", False, False),  # no code at all
]


@pytest.mark.parametrize(("text", "status", "given_up", "reason", "permanent", "dead"), CODES)
def test_codes_that_lie(text: str, status: str, given_up: bool, reason: str, permanent: bool, dead: bool) -> None:
    verdict = judge(text, status=status, given_up=given_up)
    assert (verdict.reason, verdict.permanent, verdict.dead) == (reason, permanent, dead)


def test_a_gateway_repeats_what_the_next_server_said() -> None:
    """Cisco's own class of the failure is less than the words it quotes."""
    verdict = judge("smtp; 5.1.0 - Unknown address error 550-'5.7.1 Mail refused, listed at SpamCop'", status="5.0.0")
    assert (verdict.reason, verdict.status, verdict.dead) == ("policy", "5.7.1", False)


def test_other_texts_are_asked_where_the_first_is_silent() -> None:
    assert judge("554", beside=("It came back.", "The mailbox is full.", "no such user")).reason == "full"
    assert judge("554 no such user", beside=("The mailbox is full.",)).reason == "unknown"


def test_the_words_of_an_address_are_its_owner_s() -> None:
    assert judge("554 <spam.full@unknown-user.test> came back").reason == "unclear"


def test_words_beyond_the_limit_are_not_read() -> None:
    assert judge("x" * DIAGNOSTIC_CHARS_MAX + " user unknown").reason == "unclear"
