import pytest
from assay_core.ports import LanguageDetector


class LanguageDetectorContract:
    """Override `detector`."""

    @pytest.fixture
    def detector(self) -> LanguageDetector:
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("The pump must be inspected twice a year.", "en"),
            ("Wo ist die Rechnung der Firma?", "de"),
            ("Πού στέλνω το τιμολόγιο;", "el"),
            ("", "und"),
            ("E1042", "und"),
            ("\0", "und"),
            ("12 345", "und"),
        ],
    )
    def test_the_language_is_told_or_left_open(self, detector: LanguageDetector, text: str, language: str) -> None:
        assert detector.language_of(text) == language

    def test_a_long_text_has_the_language_of_its_beginning(self, detector: LanguageDetector) -> None:
        assert detector.language_of("The pump must be inspected twice a year. " * 20_000) == "en"
