def comment_line(author: str, text: str) -> str:
    """What a reviewer said, as a paragraph."""
    return f"Comment by {author}: {text}" if author else f"Comment: {text}"
