import pytest
from assay_adapters.langid_detector import LangidDetector
from assay_core.ports import LanguageDetector
from assay_testing.conformance.language_detector import LanguageDetectorContract


class TestLangidDetector(LanguageDetectorContract):
    @pytest.fixture
    def detector(self) -> LanguageDetector:
        return LangidDetector()

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Combien de jours de congé y a-t-il ?", "fr"),
            ("¿Cuántos días de vacaciones hay?", "es"),
            ("Сколько дней отпуска?", "ru"),
            ("有給休暇は何日ありますか。", "ja"),
            ("有多少天的年假？", "zh"),
            ("كم عدد أيام الإجازة؟", "ar"),
            ("reset password", "und"),
        ],
    )
    def test_questions_in_many_languages(self, detector: LanguageDetector, text: str, language: str) -> None:
        assert detector.language_of(text) == language
