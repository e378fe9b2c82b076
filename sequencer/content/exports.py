"""How columns are headed in the exports of CRMs and sales databases: which field each heading means.

It is here as a table, because these headings change with every vintage of those products and a list is mended by adding
a line. Headings are compared by letters and digits alone (headings.py), so "First Name" also covers firstName and
first_name. Where several columns of a file mean one field, the heading that stands first in the list is preferred. It
reads no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["COMMON", "LAYOUTS", "LEFT_OUT", "PLAIN", "Layout"]

Headings = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """One product's export. `marks`: headings that hardly anybody else writes; two of them are enough to tell it.

    `fields`: what headings mean here and not everywhere. `left_out`: what says nothing about a person that a sequence
    could use, such as the product's own counts of mails.
    """

    name: str
    marks: Sequence[str]
    fields: Headings = field(default_factory=dict)
    left_out: Sequence[str] = ()


COMMON: Headings = {
    "email": (
        "Email", "Email Address", "Mail", "Primary Email", "Work Email", "Work Email 1",
        "Work Email Address", "Business Email", "Corporate Email", "Company Email", "Professional Email",
        "Verified Email", "Email 1", "Contact Email", "Work Email 2", "Email 2", "Secondary Email",
        "Supplemental Email", "Additional Email Addresses", "Tertiary Email", "Email 3", "Work Email 3",
        "Alternate Email", "Other Email", "Personal Email", "Personal Email 1", "Personal Email 2", "Private Email",
    ),
    "first_name": ("First Name", "Given Name", "Forename", "Contact First Name", "Vorname", "Prénom", "Nombre"),
    "last_name": ("Last Name", "Surname", "Family Name", "Contact Last Name", "Nachname", "Apellidos"),
    "full_name": ("Full Name", "Name", "Contact Name", "Contact Full Name", "Person Name", "Prospect Name"),
    "title": (
        "Title", "Job Title", "Position", "Job Position", "Current Job Title", "Current Title", "Current Job", "Role",
        "Contact Title", "Prospect Position",
    ),
    "phone": (
        "Phone", "Direct Phone", "Direct Phone Number", "Work Direct Phone", "Direct Dial", "Direct Number",
        "Work Direct Phone 1", "Mobile Phone", "Mobile Phone Number", "Mobile", "Mobile Number", "Cell Phone",
        "Mobile Phone 1", "Phone Number", "Telephone", "Work Phone", "Work Phone 1", "Business Phone", "Phone 1",
        "Mobile Phone 2", "Work Phone 2", "Phone 2", "Home Phone", "Other Phone",
    ),
    "linkedin": (
        "LinkedIn", "LinkedIn URL", "LinkedIn Profile", "LinkedIn Profile URL", "Person LinkedIn URL",
        "Personal LinkedIn URL", "Contact LinkedIn URL", "Contact LinkedIn Profile URL", "LinkedIn Contact Profile URL",
        "LinkedIn Link", "Default Profile URL",
    ),
    "timezone": ("Time Zone", "TZ", "IANA Time Zone"),
    "country": (
        "Country", "Country Code", "Person Country", "Contact Country", "Country/Region", "Mailing Country",
        "Mailing Country (text only)", "Mailing Country Code", "Country/Region Code", "Country (text only)",
    ),
    "location": ("Location", "Person Location", "Contact Location", "Prospect Location", "Profile Location"),
    "company": (
        "Company", "Company Name", "Account", "Account Name", "Organization", "Organisation", "Organization Name",
        "Employer", "Current Company", "Company / Account",
    ),
    "domain": (
        "Domain", "Company Domain", "Company Domain Name", "Website", "Company Website", "Website URL", "Web Domain",
        "Company URL", "Account Website", "Email Domain", "Company Website URL", "Company Website Domain",
    ),
    "account_id": ("Account ID", "CRM Account ID"),
    "account_industry": ("Industry", "Company Industry", "Primary Industry", "LinkedIn Industry", "Account Industry"),
    "account_employees": (
        "Employees", "Number of Employees", "Employee Count", "Company Size", "Headcount",
        "No. of Employees", "Company Employee Count", "Company Headcount", "LinkedIn Employees", "Employee Size",
    ),
    "account_revenue": ("Revenue", "Annual Revenue", "Company Revenue", "Company Annual Revenue"),
    "account_funding": ("Funding", "Total Funding", "Company Funding"),
    "account_technologies": ("Technologies", "Company Technologies", "Web Technologies", "Tech Stack"),
    "account_headquarters": ("Headquarters", "Company Headquarters", "HQ Location", "Company Location"),
    "account_hiring": ("Hiring",),
    "account_founded": ("Founded Year", "Year Founded", "Company Founded Year"),
    "account_phone": (
        "Company Phone", "Company HQ Phone", "Company Phone Number", "HQ Phone", "Account Phone", "Main Phone",
        "Corporate Phone",
    ),
    "account_linkedin": (
        "Company LinkedIn URL", "Company LinkedIn", "LinkedIn Company Profile URL", "LinkedIn Company Page",
        "Company LinkedIn Profile URL", "Company LinkedIn Profile",
    ),
    "account_country": ("Company Country", "Company HQ Country", "Account Country", "Billing Country", "HQ Country"),
    "account_city": ("Company City", "Company HQ City", "Billing City", "HQ City"),
    "account_state": ("Company State", "Company HQ State", "Billing State", "Billing State/Province", "HQ State"),
    "account_address": ("Company Address", "Company Full Address", "Company Street Address", "Billing Street"),
    "stage": ("Stage", "Lifecycle Stage", "Contact Stage", "Prospect Stage", "Lead Stage"),
    "persona": ("Persona", "Buyer Persona", "HS Persona", "Personas"),
    "icp_fit": (
        "ICP Fit", "ICP", "ICP Tier", "ICP Match", "Ideal Customer Profile", "Ideal Customer Profile Tier",
        "Ideal Customer Profile Fit", "Fit",
    ),
    "score": ("Score", "Lead Score", "Contact Score", "HubSpot Score", "Prospect Score", "Einstein Lead Score"),
    "budget": ("Budget", "BANT Budget", "Has Budget", "Budget Confirmed"),
    "authority": ("Authority", "BANT Authority", "Buying Role", "Decision Maker", "Decision-Making Authority"),
    "need": ("Need", "BANT Need", "Business Need", "Pain", "Pain Point"),
    "timeline": (
        "Timeline", "BANT Timeline", "Timeframe", "Timing", "Purchase Timeframe", "Purchase Timeline",
        "Buying Timeframe",
    ),
    "opted_out": (
        "Opted Out", "Email Opt Out", "Has Opted Out Of Email", "Unsubscribed", "Unsubscribed from all email",
        "Opted out of all email", "HS Email Optout", "Do Not Email", "Do Not Contact", "Opt Out",
    ),
    "do_not_call": ("Do Not Call", "DNC"),
}  # fmt: skip

# Headings that are fields of one's own by that name; they are listed so that "State" is not taken for a misspelt Stage.
PLAIN: Sequence[str] = (
    "State", "City", "Region", "Street", "Zip Code", "Postal Code", "Department", "Departments", "Seniority",
    "Management Level", "Notes", "Note", "Source", "Lead Source", "Owner", "Salutation", "Suffix", "Middle Name",
    "Language", "Gender", "Status", "Tags", "List", "Lists", "Description", "Keywords", "Headline", "Summary", "Age",
    "Twitter", "Facebook", "Email Status", "Lead Status", "Rating", "Company Description", "Birthday", "Segment",
)  # fmt: skip

# What says nothing about a person, whoever writes it.
LEFT_OUT: Sequence[str] = ("Refused Because",)

LAYOUTS: Sequence[Layout] = (
    Layout(
        "Apollo",
        marks=(
            "Person Linkedin Url", "Company Name for Emails", "Apollo Contact Id", "Apollo Account Id",
            "Apollo Record Id", "Work Direct Phone", "Corporate Phone", "Email Confidence", "Company Linkedin Url",
            "First Phone", "Primary Email Source", "# Employees", "Email Bounced",
        ),
        fields={
            "company": ("Company Name for Emails", "Company", "Company Name"),
            "phone": ("Work Direct Phone", "Mobile Phone", "First Phone", "Phone", "Other Phone", "Home Phone"),
            "account_latest_funding": ("Latest Funding",),
            "account_latest_funding_amount": ("Latest Funding Amount",),
            "account_last_raised_at": ("Last Raised At",),
            "account_apollo_id": ("Apollo Account Id",),
            "account_keywords": ("Keywords",),
            "account_description": ("SEO Description", "Short Description"),
        },
        left_out=(
            "Email Confidence", "Primary Email Source", "Primary Email Verification Source",
            "Primary Email Last Verified At", "Primary Email Catch-all Status", "Email Sent", "Email Open",
            "Email Bounced", "Replied", "Demoed", "Contact Owner", "Account Owner", "Lists", "Last Contacted",
            "Facebook Url", "Twitter Url", "Secondary Email Source", "Secondary Email Status",
            "Secondary Email Verification Source", "Tertiary Email Source", "Tertiary Email Status",
            "Tertiary Email Verification Source", "Apollo Contact Id", "Apollo Record Id", "Qualify Contact",
            "Number of Retail Locations",
        ),
    ),
    Layout(
        "Sales Navigator",
        marks=(
            "vmid", "Sales Navigator URL", "Sales Navigator Profile URL", "LinkedIn Sales Navigator URL",
            "Connection Degree", "Default Profile URL", "Regular Company URL", "Shared Connections Count",
            "Is Open Link", "Is Premium", "Open Profile", "Matches Filters", "No Match Reasons", "Duration In Role",
            "Years in Position", "Prospect LinkedIn ID", "LinkedIn Company Profile URL", "Prospect Position",
        ),
        fields={
            "linkedin": (
                "LinkedIn Public URL", "Default Profile URL", "LinkedIn Profile URL", "LinkedIn URL", "Profile URL",
                "Sales Navigator URL", "Sales Navigator Profile URL",
            ),
            "account_linkedin": (
                "Regular Company URL", "LinkedIn Company Profile URL", "Company LinkedIn URL", "Company URL",
            ),
            "domain": ("Company Domain", "Company Website", "Website"),
        },
        left_out=(
            "vmid", "Connection Degree", "Profile Image URL", "Shared Connections Count", "Is Open Link", "Is Premium",
            "Premium", "Open Profile", "Query", "Timestamp", "Search Account Full Name", "Search Account Profile ID",
            "Search Account Profile Name", "Company ID", "Matches Filters", "No Match Reasons", "Prospect LinkedIn ID",
            "Past Experience Company ID", "Past Experience Company URL", "Error",
        ),
    ),
    Layout(
        "LeadIQ",
        marks=(
            "LeadIQ ID", "LeadIQ URL", "LeadIQ Profile", "LeadIQ Company ID", "LeadIQ Contact ID", "Work Email Status",
            "Work Email 1", "Work Email 1 Status", "Personal Email 1", "Work Phone 1", "Mobile Phone 1",
            "Work Direct Phone 1", "Captured Date", "Date Captured", "Capture Date", "Work Email", "Personal Email",
            "Contact LinkedIn URL",
        ),
        left_out=(
            "LeadIQ ID", "LeadIQ URL", "LeadIQ Profile", "LeadIQ Company ID", "LeadIQ Contact ID", "Captured Date",
            "Date Captured", "Capture Date", "Captured By", "Campaign", "Work Phone 1 Status", "Mobile Phone 1 Status",
            "Personal Email 1 Status",
        ),
    ),
    Layout(
        "ZoomInfo",
        marks=(
            "ZoomInfo Contact ID", "ZoomInfo Company ID", "ZoomInfo Contact Profile URL", "Contact Accuracy Score",
            "ZoomInfo Company Profile URL", "LinkedIn Contact Profile URL", "Direct Phone Number", "Supplemental Email",
            "Person Zip Code", "Company HQ Phone", "Job Title Hierarchy Level", "Contact Accuracy Grade",
            "Revenue (in 000s USD)",
        ),
        fields={
            "phone": ("Direct Phone Number", "Mobile phone", "Mobile Phone Number", "Phone", "Phone Number"),
            "city": ("Person City",),
            "state": ("Person State",),
            "street": ("Person Street",),
            "postal_code": ("Person Zip Code",),
            "account_zoominfo_id": ("ZoomInfo Company ID",),
            "account_revenue_thousand_usd": ("Revenue (in 000s USD)",),
            "account_revenue_range": ("Revenue Range (in USD)",),
            "account_description": ("Company Description",),
            "account_funding_thousand_usd": ("Total Funding Amount (in 000s USD)",),
            "account_employee_range": ("Employee Range",),
            "account_sub_industry": ("Primary Sub-Industry",),
            "account_postal_code": ("Company Zip Code",),
        },
        left_out=(
            "ZoomInfo Contact ID", "ZoomInfo Contact Profile URL", "ZoomInfo Company Profile URL",
            "Contact Accuracy Score", "Contact Accuracy Grade", "Notice Provided Date", "Query Name", "Fax",
            "Previous Company ZoomInfo Company ID", "Facebook Company Profile URL", "Twitter Company Profile URL",
        ),
    ),
    Layout(
        "HubSpot",
        marks=(
            "Record ID", "Record ID - Contact", "HubSpot Score", "Lifecycle Stage", "Associated Company",
            "Associated Company IDs", "Associated Company IDs (Primary)", "Primary Associated Company ID",
            "Marketing contact status", "Contact owner", "Country/Region", "State/Region", "Create Date",
            "Original Source", "Original Traffic Source", "hs_object_id", "hubspot_owner_id",
            "Unsubscribed from all email", "Last Activity Date",
        ),
        fields={
            "company": ("Company Name", "Company", "Associated Company", "Primary Associated Company Name"),
            "account_id": (
                "Primary Associated Company ID", "Associated Company IDs (Primary)", "Associated Company ID",
                "Associated Company IDs",
            ),
            "timezone": ("Time Zone", "hs_timezone"),
        },
        left_out=(
            "Record ID", "Record ID - Contact", "hs_object_id", "hubspot_owner_id", "Contact owner", "Create Date",
            "Last Activity Date", "Last Modified Date", "Marketing contact status", "Associated Deal",
            "Associated Deal IDs", "IP Country", "IP Timezone", "IP City", "Original Source Drill-Down 1",
            "Original Source Drill-Down 2", "Time of Last Session", "Sends Since Last Engagement",
        ),
    ),
    Layout(
        "Salesforce",
        marks=(
            "Contact ID", "Lead ID", "Account Name", "Account ID", "Mailing Country", "Mailing City", "Lead Owner",
            "Company / Account", "Lead Status", "Mailing State/Province", "Contact Owner", "Account Owner",
            "HasOptedOutOfEmail", "Email Opt Out", "Mailing Street", "Mailing Zip/Postal Code", "Reports To",
            "Account.Name", "LeadSource", "Do Not Call",
        ),
        fields={
            "phone": ("Phone", "Mobile", "Mobile Phone", "Other Phone", "Home Phone", "Asst. Phone"),
            "company": ("Account Name", "Company / Account", "Company"),
            "account_id": ("Account ID",),
            "domain": ("Website", "Account Website"),
            "account_industry": ("Industry", "Account.Industry"),
            "city": ("Mailing City",),
            "state": ("Mailing State/Province", "Mailing State"),
            "street": ("Mailing Street",),
            "postal_code": ("Mailing Zip/Postal Code", "Mailing Postal Code"),
        },
        left_out=(
            "Id", "Contact ID", "Lead ID", "Contact Owner", "Lead Owner", "Account Owner", "Owner ID", "OwnerId",
            "Created Date", "Last Modified Date", "Last Activity", "Last Modified By", "Created By", "IsDeleted",
            "SystemModstamp", "RecordTypeId", "MasterRecordId", "Contact Owner Alias", "Lead Owner Alias",
        ),
    ),
)  # fmt: skip
