class FakeLanguageDetector:
    """Knows German by "ist", Greek by its letters, English by two words of letters."""

    def language_of(self, text: str) -> str:
        words = text.lower().split()
        if "ist" in words:
            return "de"
        if any("\u0370" <= letter <= "\u03ff" for letter in text):
            return "el"
        return "en" if sum(map(str.isalpha, words)) > 1 else "und"
