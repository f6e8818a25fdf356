"""Why a document may fail: one table for parsers, API and documentation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """What a reason code means, and what a person can do about it."""

    meaning: str
    way_out: str


PARSING = {
    "unknown_type": Reason("The bytes are of no format that can be read.", "Save it in another format, such as PDF."),
    "archive": Reason("It is an archive inside of another document.", "Upload the archive itself, or its files."),
    "empty_archive": Reason("The archive holds no file that can be read.", "Pack documents into it."),
    "empty": Reason("The file has no bytes, or nothing but white space.", "Upload the file that was meant."),
    "no_text": Reason(
        "There is no text in it, nor any that text recognition could read.", "Scan it sharper or larger."
    ),
    "encrypted": Reason("It is behind a password.", "Save it without the password."),
    "broken": Reason("It is damaged, or hostile.", "Open it where it was made and save it again."),
    "too_large": Reason("The file, or the text in it, is over the limit.", "Split it."),
    "too_many_pages": Reason("It has more pages than the limit.", "Split it."),
    "too_many_pixels": Reason("The picture is larger than the limit.", "Scale it down."),
    "timeout": Reason("Reading it took longer than one file may.", "Split it, or save it in a simpler format."),
    "out_of_memory": Reason("Reading it took more memory than one file may.", "Split it."),
    "crashed": Reason("The process that read it died.", "Save it anew; nothing else was harmed."),
}
KEEPING = {
    "corrupt": Reason("The stored bytes are not those that were uploaded.", "Upload it again, and look at the disk."),
    "blob_not_found": Reason("The stored bytes are gone.", "Upload it again, and look at the disk."),
    "storage_full": Reason("The disk is full.", "Make room, then try it again."),
    "erased": Reason("It was deleted while it was worked on.", "Nothing: that is what was asked for."),
}
WORKING = {
    "near_duplicate": Reason(
        "It says nearly the same as another document, and its collection keeps only one of such.",
        "Nothing; or delete the other one and try it again, or set `near_duplicates` to report.",
    ),
    "cancelled": Reason("Somebody asked to stop the work on it.", "Try it again, or upload it anew."),
    "gave_up": Reason(
        "Three tries did not succeed; the message tells of the last one.", "Put that right, then try it again."
    ),
}
REASONS = PARSING | KEEPING | WORKING
"""All codes of failed documents, but those of a part that did not answer three times, which end in `_unavailable`."""
