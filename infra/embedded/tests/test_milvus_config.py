import pytest
from assay_embedded.parts.milvus import override, render

_TEMPLATE = """etcd:
  endpoints: localhost:{{ etcd_port(int): 2379 }}
  data:
    dir: {{ etcd_data_dir }}
log:
  level: info # how much
  file:
    level: untouched
"""


def test_values_replace_placeholders_and_defaults_stay() -> None:
    assert render(_TEMPLATE, {"etcd_data_dir": "/data"}).splitlines()[1:4] == [
        "  endpoints: localhost:2379",
        "  data:",
        "    dir: /data",
    ]
    assert "localhost:9999" in render(_TEMPLATE, {"etcd_port": "9999"})


def test_a_value_is_found_by_its_dotted_name() -> None:
    changed = override(_TEMPLATE, {"log.level": "warn"})
    assert "  level: warn" in changed
    assert "    level: untouched" in changed


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"log\.colour"):
        override(_TEMPLATE, {"log.colour": "blue"})
