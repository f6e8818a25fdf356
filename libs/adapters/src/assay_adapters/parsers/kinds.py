"""The kinds of document that can be read."""

from enum import StrEnum


class Kind(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    XLS = "xls"
    ODF = "odf"
    EPUB = "epub"
    RTF = "rtf"
    EML = "eml"
    MSG = "msg"
    HTML = "html"
    MARKDOWN = "markdown"
    RST = "rst"
    ORG = "org"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    NOTEBOOK = "notebook"
    XML = "xml"
    IMAGE = "image"
    TEXT = "text"
