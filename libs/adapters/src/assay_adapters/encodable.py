"""Texts as tokenizers take them."""


def encodable(text: str) -> str:
    """Lone surrogates cannot be UTF-8; they become question marks."""
    return text.encode("utf-8", "replace").decode()
