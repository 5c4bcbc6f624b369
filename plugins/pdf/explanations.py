"""What each kind of finding means, in words that a user understands."""

from collections.abc import Mapping
from typing import Final

from pdfsluice.core import Explanation, FindingKind, Severity

EXPLANATIONS: Final[Mapping[str, Explanation]] = {
    FindingKind.JAVASCRIPT: Explanation(
        "JavaScript",
        "The document contains a program. PDF readers that run JavaScript execute it when its "
        "trigger occurs: when the document is opened, closed, saved or printed, when a page is "
        "shown, when a field changes, on a click.",
        "Open it only if you trust where it comes from, in a reader with JavaScript turned off.",
        Severity.MEDIUM,
    ),
    FindingKind.OPEN_ACTION: Explanation(
        "Action on opening",
        "The document does something when it is opened. Most often it only goes to a page; what "
        "else it does is reported as a finding of its own.",
        "Nothing needs to be done if it only goes to a page.",
        Severity.INFO,
    ),
    FindingKind.ADDITIONAL_ACTIONS: Explanation(
        "Automatic actions",
        "Pages, form fields or the document itself carry actions that run by themselves, for "
        "instance when a page is shown or a field is left.",
        "Look at which actions they are: each is reported as a finding of its own.",
        Severity.LOW,
    ),
    FindingKind.LAUNCH: Explanation(
        "Starts a program",
        "An action starts a program or opens another file on the reader's computer. It is rarely "
        "used for good and often for attacks.",
        "Do not open the document unless you know exactly why it needs this.",
        Severity.HIGH,
    ),
    FindingKind.EMBEDDED_FILES: Explanation(
        "Attached files",
        "Other files are stored inside the document. They can be of any type, also programs.",
        "Save and check attachments before you open them.",
        Severity.LOW,
    ),
    FindingKind.EXECUTABLE: Explanation(
        "Attached program",
        "A file attached to the document is a program or a script that runs when it is opened.",
        "Do not save or open the attachment.",
        Severity.CRITICAL,
    ),
    FindingKind.FORMS_ACROFORM: Explanation(
        "Form",
        "The document has form fields that can be filled in.",
        "Nothing needs to be done.",
        Severity.INFO,
    ),
    FindingKind.FORMS_XFA: Explanation(
        "XFA form",
        "The document carries an XML form (XFA), which has a scripting language of its own and "
        "which few readers still support.",
        "Ask for an ordinary PDF form; XFA is obsolete and hard to check.",
        Severity.MEDIUM,
    ),
    FindingKind.EXTERNAL_REFERENCES_URI: Explanation(
        "Link to the web",
        "A click opens an address outside of the document.",
        "Check the address before you follow the link.",
        Severity.INFO,
    ),
    FindingKind.SUBMIT_FORM: Explanation(
        "Sends form data",
        "An action sends what was typed into the form to an address.",
        "Check the address before you fill in anything.",
        Severity.MEDIUM,
    ),
    FindingKind.GOTO_REMOTE: Explanation(
        "Opens another document",
        "An action opens another PDF file, or one that is attached to this document.",
        "Check which file it opens; a network path can give away your login.",
        Severity.LOW,
    ),
    FindingKind.IMPORT_DATA: Explanation(
        "Imports form data",
        "An action fills the form with data from a file.",
        "Check which file it reads.",
        Severity.MEDIUM,
    ),
    FindingKind.RICH_MEDIA: Explanation(
        "Video, sound or 3D",
        "The document embeds or plays media, which readers hand to players with a long history "
        "of security holes.",
        "Play it only if you trust where the document comes from.",
        Severity.MEDIUM,
    ),
    FindingKind.ENCRYPTED: Explanation(
        "Encrypted",
        "The content is encrypted; without the password parts of it cannot be checked.",
        "Treat what could not be checked as unknown, not as clean.",
        Severity.MEDIUM,
    ),
    FindingKind.POLYGLOT: Explanation(
        "Two formats in one file",
        "The file is a PDF and at the same time something else, such as an archive, a web page "
        "or a program. That is how content is smuggled past checks.",
        "Do not accept the file; ask for a clean copy.",
        Severity.HIGH,
    ),
    FindingKind.MALFORMED: Explanation(
        "Damaged",
        "The file breaks the rules of its format, so that readers have to guess what is meant "
        "and may see different things.",
        "Ask for the file again, or open and save it in a trusted program.",
        Severity.LOW,
    ),
    FindingKind.MALWARE: Explanation(
        "Known malware",
        "A virus scanner or a rule recognized the content.",
        "Do not open the file; inform the person responsible for security.",
        Severity.CRITICAL,
    ),
    FindingKind.RESOURCE_LIMIT: Explanation(
        "Exhausting content",
        "Reading the file takes more time or memory than any honest file needs, so the scanner "
        "stopped looking at a part of it.",
        "Treat the part that was not read as unknown, not as clean.",
        Severity.MEDIUM,
    ),
    FindingKind.UNREAD: Explanation(
        "Could not be read",
        "A part of the document that may hold actions could not be read: an object stream in an "
        "unknown format, or damaged, or beyond a limit; or the whole file. What was not seen is "
        "not clean: something in it may run by itself.",
        "Ask for a copy saved again by a trusted program; do not open this one.",
        Severity.HIGH,
    ),
    FindingKind.CLIENT_ENCRYPTED: Explanation(
        "Encrypted by its sender",
        "The client encrypted the file before it sent it, so that only its recipients can read "
        "it. Nothing of it was scanned, and it can be neither searched nor shown.",
        "Scan it after it is decrypted: pdfsluice scan FILE.",
        Severity.MEDIUM,
    ),
    FindingKind.HIDDEN_TEXT: Explanation(
        "Hidden text",
        "The document has text that a person cannot see: in the colour of the paper, tiny, "
        "covered, outside of the page, or invisible. It may be meant for programs that read the "
        "document, such as language models. It is noticed when the document is "
        "imported, or before if the policy refuses it.",
        "Read the excerpt. Do not let a program act on this document on its own.",
        Severity.MEDIUM,
    ),
}
