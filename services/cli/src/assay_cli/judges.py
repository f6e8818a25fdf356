"""Judges that run on this machine, opened by name, with what they need from other packages."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assay_core.errors import Invalid, NotFound
from assay_core.ports import Judge
from assay_wire import discovery

from assay_cli.session import Session

if TYPE_CHECKING:
    from assay_evals.groundedness import Scorer

NAMES = ("local", "embedding", "lexical", "ragas")
_EMBEDDER = "packaged:all-MiniLM-L6-v2"


@contextmanager
def open_scorer(session: Session, name: str, weights: Path | None = None) -> Generator["Scorer"]:
    """The judge of this name as a scorer; `lexical` is no judge, but the share of words found.

    Raises:
        NotFound: a package that it needs is not installed.
        Invalid: there is no such judge, or ragas is not told which server to ask.
    """
    try:
        from assay_evals.groundedness import judge_scorer, lexical_scorer
    except ModuleNotFoundError as error:
        raise not_installed() from error
    if name == "lexical":
        yield lexical_scorer()
        return
    with open_judge(session, name, weights) as judge:
        yield judge_scorer(name, judge)


@contextmanager
def open_judge(session: Session, name: str, weights: Path | None = None) -> Generator[Judge]:
    """The judge of this name, loaded; `weights` are those of `local`, if not the packaged ones."""
    models = models_folder(session)
    try:
        match name:
            case "local":
                from assay_adapters.encoder_judge import PACKAGED, EncoderJudge

                yield EncoderJudge(cache_path=models, model=str(weights or PACKAGED))
            case "embedding":
                from assay_adapters.embedding_judge import EmbeddingJudge
                from assay_adapters.openvino_embedder import OpenVinoEmbedder

                yield EmbeddingJudge(OpenVinoEmbedder(model=_EMBEDDER, cache_path=models))
            case "ragas":
                with _ragas(session, models) as judge:
                    yield judge
            case other:
                raise Invalid(f"{other!r} is no judge; use {', '.join(NAMES)}.", code="bad_judge")
    except ModuleNotFoundError as error:
        raise not_installed() from error


def models_folder(session: Session) -> Path:
    """Where run-time forms of models are kept: with the platform's, if there is one on this machine."""
    return discovery.data_folder(session.home, session.environ) / "models"


def not_installed() -> NotFound:
    return NotFound(
        "This command needs the judge in this process. Install it with `pip install 'assay-cli[judge]'`.",
        code="not_installed",
    )


@contextmanager
def _ragas(session: Session, models: Path) -> Generator[Judge]:
    from assay_adapters.openvino_embedder import OpenVinoEmbedder
    from assay_adapters.ragas_judge import RagasJudge

    url, model = (session.environ.get(f"ASSAY_RAGAS__{key}", "") for key in ("BASE_URL", "MODEL"))
    if not url or not model:
        raise Invalid(
            "The ragas judge needs a server: set ASSAY_RAGAS__BASE_URL, ASSAY_RAGAS__MODEL and, for a server with a"
            " key, ASSAY_RAGAS__API_KEY_FILE.",
            code="bad_setting",
        )
    judge = RagasJudge(
        env_path=models.parent / "envs" / "ragas",
        base_url=url,
        model=model,
        api_key_file=session.environ.get("ASSAY_RAGAS__API_KEY_FILE") or None,
        timeout_s=float(session.environ.get("ASSAY_RAGAS__TIMEOUT_S", "120")),
        embedder=OpenVinoEmbedder(model=_EMBEDDER, cache_path=models),
    )
    try:
        yield judge
    finally:
        judge.close()
