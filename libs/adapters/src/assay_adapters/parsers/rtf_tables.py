"""Which cells of an RTF row belong to the one above or to the left of them."""

from collections.abc import Sequence

from assay_adapters.parsers.tables import TableDraft


class RowPlaces:
    """Takes the words that define a row (`trowd` to the last `cellx`), which stand before the text of its cells."""

    def __init__(self) -> None:
        self._places: list[str] = []
        self._place = ""
        self._is_header = False

    def obey(self, word: str) -> None:
        match word:
            case "trowd":
                self._places, self._place, self._is_header = [], "", False
            case "trhdr":
                self._is_header = True
            case "cellx":
                self._places.append(self._place)
                self._place = ""
            case _:
                self._place = word

    def add_row(self, draft: TableDraft, texts: Sequence[str]) -> None:
        """Add the cells of a row; what a covered cell holds beside the first is kept as a cell of its own."""
        draft.next_row(header=self._is_header)
        places = [*self._places, *[""] * len(texts)]
        for text, place in zip(texts, places, strict=False):
            match place:
                case "clvmrg" if not text:
                    draft.goes_on_from_above()
                case "clmrg" if not text:
                    draft.goes_on_from_left()
                case _:
                    draft.cell(text)
