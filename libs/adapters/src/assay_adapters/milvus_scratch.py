"""Collections of Milvus that something was only tried on. None outlives the trial: whoever finds one of a trial that
died removes it."""

from assay_core.errors import Unavailable

PREFIX = "scratch"


def remove_all(*, uri: str, token: str, timeout_s: float = 30.0) -> int:
    """Remove every scratch collection; call it while no trial runs. Returns how many. Raises `Unavailable`."""
    import grpc
    from pymilvus import MilvusClient, MilvusException

    try:
        client = MilvusClient(uri=uri, token=token, timeout=timeout_s)
        try:
            names: list[str] = list(client.list_collections(timeout=timeout_s))  # pyright: ignore[reportArgumentType]
            left = [name for name in names if name.startswith(f"{PREFIX}_")]
            for name in left:
                client.drop_collection(name, timeout=timeout_s)
        finally:
            client.close()
    except (MilvusException, grpc.RpcError, OSError) as error:
        reason = getattr(error, "message", "") or type(error).__name__
        raise Unavailable(f"Milvus does not answer: {reason}", code="milvus_unavailable", retry_after_s=5) from error
    return len(left)
