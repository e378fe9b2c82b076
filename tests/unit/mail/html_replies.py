"""The HTML of mail programs around an answer, `{own}`, and the quote, `{ours}`; for test_quoting.py."""

_BLOCK = (
    "<b>From:</b> Ana Ruiz &lt;ana@ourco.test&gt;<br><b>Sent:</b> Monday, July 6, 2026 9:12 AM<br>"
    "<b>To:</b> Jo Low<br><b>Subject:</b> Hi"
)
# A language that no word list knows: only the mark-up tells.
_UNKNOWN = "Nuntius datus a die lunae ab Ana Ruiz hora nona:"

REPLIES = {
    "Gmail": (
        '<div dir="ltr">{own}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        "On Mon, Jul 6, 2026 at 9:12 AM Ana Ruiz &lt;<a href='mailto:ana@ourco.test'>ana@ourco.test</a>&gt; wrote:<br>"
        '</div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">{ours}</blockquote></div>'
    ),
    "Gmail, unknown language": (
        '<div dir="ltr">{own}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        + _UNKNOWN
        + '<br></div><blockquote class="gmail_quote">{ours}</blockquote></div>'
    ),
    "Outlook for Windows": (
        '<div class="WordSection1"><p class="MsoNormal">{own}<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>'
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f'<p class="MsoNormal">{_BLOCK}<o:p></o:p></p></div></div>'
        '<p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">{ours}<o:p></o:p></p></div>'
    ),
    "Outlook for Windows, unknown language": (
        '<div class="WordSection1"><p class="MsoNormal">{own}<o:p></o:p></p>'
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        '<p class="MsoNormal"><b>Ab:</b> Ana Ruiz<br><b>Missum:</b> heri<br><b>Ad:</b> Jo<br><b>Res:</b> Ave</p>'
        '</div></div><p class="MsoNormal">{ours}</p></div>'
    ),
    "Outlook on the web": (
        '<div class="elementToProof">{own}</div><div id="appendonsend"></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri">{_BLOCK}</font><div>&nbsp;</div></div><div>{{ours}}</div>'
    ),
    "Outlook on the web, unknown language": (
        '<div>{own}</div><div id="appendonsend"></div><div id="divRplyFwdMsg" dir="ltr">'
        "<b>Ab:</b> Ana Ruiz<br><b>Missum:</b> heri<br><b>Ad:</b> Jo<br><b>Res:</b> Ave</div><div>{ours}</div>"
    ),
    "Outlook for iOS": (
        '<div dir="ltr">{own}</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">'
        'Outlook for iOS</a></div><hr><div id="mail-editor-reference-message-container">'
        f"<div>{_BLOCK}</div>{{ours}}</div>"
    ),
    "Outlook for Mac, old": (
        f'<div>{{own}}</div><span id="OLK_SRC_BODY_SECTION"><div>{_BLOCK}</div><div>{{ours}}</div></span>'
    ),
    "Apple Mail": (
        '<html><body style="word-wrap: break-word;">{own}<br><div><br><blockquote type="cite"><div>On 6 Jul 2026, at '
        '09:12, Ana Ruiz &lt;ana@ourco.test&gt; wrote:</div><br class="Apple-interchange-newline"><div>{ours}</div>'
        "</blockquote></div></body></html>"
    ),
    "iPhone": (
        '<div dir="ltr">{own}<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Sent from my iPhone</div>'
        '<div dir="ltr"><br><blockquote type="cite">On Jul 6, 2026, at 09:12, Ana Ruiz wrote:<br></blockquote></div>'
        '<blockquote type="cite"><div dir="ltr">{ours}</div></blockquote></div>'
    ),
    "Yahoo": (
        '<div class="ydp1yahoo-style-wrap"><div>{own}</div><div><br></div></div><div id="yahoo_quoted_123" '
        'class="yahoo_quoted"><div>On Monday, July 6, 2026 at 09:12:00 AM GMT+2, Ana &lt;ana@ourco.test&gt; wrote: '
        "</div><div><br></div><div>{ours}</div></div>"
    ),
    "Yahoo, unknown language": (
        f'<div>{{own}}</div><div class="yahoo_quoted"><div>{_UNKNOWN}</div><div>{{ours}}</div></div>'
    ),
    "Thunderbird": (
        '<p>{own}</p><div class="moz-cite-prefix">On 7/6/26 9:12 AM, Ana Ruiz wrote:<br></div>'
        '<blockquote type="cite" cite="mid:1@ourco.test">{ours}</blockquote>'
    ),
    "Thunderbird, unknown language": (
        f'<p>{{own}}</p><div class="moz-cite-prefix">{_UNKNOWN}<br></div><blockquote type="cite">{{ours}}</blockquote>'
    ),
    "Proton": (
        '<div style="font-family: Arial">{own}</div><div class="protonmail_signature_block"><div>Sent with '
        '<a href="https://proton.me">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">'
        "On Monday, July 6th, 2026 at 9:12 AM, Ana &lt;ana@ourco.test&gt; wrote:<br>"
        '<blockquote class="protonmail_quote" type="cite">{ours}</blockquote></div>'
    ),
    "Zoho": (
        '<div>{own}</div><br><div class="zmail_extra" style="display:block"><div>---- On Mon, 06 Jul 2026 09:12:00 '
        "+0200 <b>Ana &lt;ana@ourco.test&gt;</b> wrote ---</div><blockquote>{ours}</blockquote></div>"
    ),
    "Tuta": (
        '<div>{own}</div><div>6 Jul 2026, 09:12 by ana@ourco.test:</div><blockquote class="tutanota_quote">{ours}'
        "</blockquote>"
    ),
    "QQ": (
        '<div>{own}</div><div><br></div><div style="font-size: 12px;padding:2px 0;">------------------&nbsp;原始邮件'
        '&nbsp;------------------</div><div><div><b>发件人:</b> "Ana" &lt;ana@ourco.test&gt;;</div>'
        "<div><b>发送时间:</b> 2026年7月6日</div><div><b>主题:</b> Hi</div></div><div>{ours}</div>"
    ),
    "NetEase": (
        '<div>{own}</div><br><div style="position:relative"></div><p>At 2026-07-06 09:12:00, "Ana Ruiz" '
        '&lt;ana@ourco.test&gt; wrote:</p><blockquote id="isReplyContent">{ours}</blockquote>'
    ),
    "GMX": (
        '<div>{own}<div><div name="quote" style="margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5;">'
        "<div><b>Gesendet:</b> Montag, 06. Juli 2026 um 09:12 Uhr<br><b>Von:</b> Ana &lt;ana@ourco.test&gt;<br>"
        '<b>An:</b> jo@acme.test<br><b>Betreff:</b> Hi</div><div name="quoted-content">{ours}</div></div></div></div>'
    ),
    "Roundcube": (
        '<p>{own}</p><p id="reply-intro">On 2026-07-06 09:12, Ana Ruiz wrote:</p>'
        '<blockquote type="cite" style="padding: 0 0.4em">{ours}</blockquote>'
    ),
    "In a table": (
        "<table><tr><td>{own}</td></tr></table><hr><table><tr><td><b>From:</b></td><td>Ana &lt;ana@ourco.test&gt;</td>"
        "</tr><tr><td><b>Sent:</b></td><td>Monday</td></tr><tr><td><b>Subject:</b></td><td>Hi</td></tr></table>{ours}"
    ),
    "With a hidden preview": (
        '<div style="display:none;max-height:0;overflow:hidden">Preview &amp; nothing else</div><p>{own}</p>'
        '<span style="mso-hide:all;visibility:hidden"> x</span><blockquote>{ours}</blockquote>'
    ),
    "Answer below": "<blockquote>{ours}</blockquote><p>{own}</p>",
}
