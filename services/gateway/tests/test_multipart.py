import pytest
from assay_core.errors import Invalid
from assay_gateway.multipart import Event, Field, FileData, FileEnd, FileStart, MultipartReader

TYPE = "multipart/form-data; boundary=b"
DATA = b"one\r\ntwo\r\n--bx\r\n--" + bytes(range(256))
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nrules/\xc3\xa9.md\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\nContent-Type: text/x\r\n\r\n'
    + DATA
    + b"\r\n--b--\r\n"
)


def read(form: bytes, *, step: int) -> list[Event]:
    reader = MultipartReader(TYPE)
    events = [e for i in range(0, len(form), step) for e in reader.feed(form[i : i + step])]
    reader.finish()
    return events


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_a_form_is_read_alike_in_pieces_of_any_size(step: int) -> None:
    events = read(FORM, step=step)
    assert events[0] == Field("name", "rules/é.md".encode())
    assert events[1] == FileStart("a.md")
    assert b"".join(e.data for e in events if isinstance(e, FileData)) == DATA
    assert events[-1] == FileEnd()


def test_an_empty_file_starts_and_ends() -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\r\n--b--\r\n'
    assert read(form, step=100) == [FileStart("a"), FileEnd()]


def test_what_follows_the_file_is_refused() -> None:
    late = FORM.replace(b"--b--", b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--b--')
    with pytest.raises(Invalid, match="before it"):
        read(late, step=64)


def test_fields_are_few_and_small() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
    with pytest.raises(Invalid, match="more than 8 fields"):
        read((part + b"x\r\n") * 9, step=64)
    with pytest.raises(Invalid, match="larger than"):
        read(part + b"x" * 40_000, step=1000)


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "multipart/mixed; boundary=b"])
def test_other_bodies_are_refused_by_their_type(content_type: str) -> None:
    with pytest.raises(Invalid) as error:
        MultipartReader(content_type)
    assert error.value.code == "unsupported_media_type"
