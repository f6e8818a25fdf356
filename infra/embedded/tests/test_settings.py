from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_embedded import settings


def test_the_option_wins_over_the_variable() -> None:
    read = settings.read(home=Path("/option"), environ={"ASSAY_HOME": "/variable"})
    assert read.home == Path("/option")


def test_home_is_under_the_users_home_by_default() -> None:
    assert settings.read(environ={}).home == Path("~/.assay").expanduser()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_VLLM__ENABLED", "maybe"),
        ("ASSAY_VLLM__DEVICE", "tpu"),
        ("ASSAY_VLLM__CONTEXT_TOKENS", "0"),
        ("ASSAY_VLLM__GPU_MEMORY_FRACTION", "1.5"),
        ("ASSAY_VLLM__GPU_MEMORY_FRACTION", "half"),
        ("ASSAY_EMBEDDED__NAMESPACES", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refusal:
        settings.read(environ={name: value})
    assert repr(value) in refusal.value.message


def test_an_unknown_setting_of_vllm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Invalid, match="ASSAY_VLLM__ENV_PATH"):
        settings.read(environ={"ASSAY_VLLM__ENVPATH": "/x"})


def test_a_childs_environment_is_built_not_inherited() -> None:
    read = settings.read(environ={"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "no", "ASSAY_LOG__LEVEL": "debug"})
    assert "AWS_SECRET_ACCESS_KEY" not in {**read.base_environment, **read.user_environment, **read.model_environment}
    assert read.base_environment["PATH"] == "/bin"
    assert read.user_environment == {"ASSAY_LOG__LEVEL": "debug"}


@pytest.mark.parametrize(("given", "expected"), [({}, "1"), ({"HF_HUB_OFFLINE": "0"}, "0")])
def test_models_are_loaded_offline_unless_the_user_says_otherwise(given: dict[str, str], expected: str) -> None:
    assert settings.read(environ=given).model_environment["HF_HUB_OFFLINE"] == expected
