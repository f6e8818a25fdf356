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
SYNCING = {
    "too_many_removals": Reason(
        "More than half of a source's documents have vanished there; none was removed.",
        "Look at the source; if it is meant, run it with --confirm-removals.",
    ),
    "source_unavailable": Reason("The source does not answer as it should.", "Look at it; the next run tries again."),
    "source_denied": Reason("The source refuses the credentials.", "Put them right with `assay sources change`."),
    "source_not_found": Reason("The source has no such place.", "Put the place right, or add the source anew."),
    "host_not_allowed": Reason(
        "The host is not on the public internet.", "An administrator may allow it: ASSAY_SOURCES__ALLOW_HOSTS."
    ),
    "folder_not_allowed": Reason(
        "The folder is not below an allowed one.", "An administrator may allow it: ASSAY_SOURCES__FOLDER_ROOTS."
    ),
    "bad_url": Reason("It is no http or https URL, or an unusual one.", "Write it as https://host/path."),
    "bad_redirect": Reason("It redirects too often, or from https to http.", "Give the URL that it leads to."),
    "bad_answer": Reason("The server sends something else than it should.", "Check that the URL is the right one."),
    "bad_settings": Reason("The source's settings do not fit its connector.", "Add the source anew."),
    "fetch_timeout": Reason("Fetching it took longer than it may.", "Look at the source; the next run tries again."),
    "robots_denied": Reason("The site's robots.txt does not allow it.", "Ask the site's owner."),
    "other_host": Reason("The page is on a host that was not given.", "Add the host to the source's hosts."),
    "too_many_items": Reason("The source has more items than its limit.", "Raise max_pages, or divide the source."),
    "outside_folder": Reason("It is a link that leads out of the folder.", "Put the file itself into the folder."),
    "item_denied": Reason("The source does not let it be read.", "Give Assay the right to read it."),
    "bad_access_file": Reason("The file that says who may read is no such file.", "Put it right; all waits for it."),
    "bad_name": Reason("Its name cannot name a document.", "Give it a shorter name with visible characters."),
    "name_taken": Reason("Another document has its name.", "Rename one of the two."),
    "unknown_kind": Reason("No connector of this kind is installed.", "Install the package that brings it."),
}
REASONS = PARSING | KEEPING | WORKING | SYNCING
"""All codes of failed documents and of runs of sources.

Those of a part that did not answer three times, which end in `_unavailable`, are not among them.
"""
