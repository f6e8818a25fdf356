# pyright: basic, reportMissingImports=false
# This file runs in an environment of its own, which the type checker does not see.
"""Other RAG software in its default local set-up, fed with passages. Started by `assay_evals.peers`, never imported.

    run_peer.py PEER MODEL_FOLDER INDEX_FOLDER

Says {"ready": true, "version": "…"} once the model is loaded. Each line that it then reads is the path of a file with
passages, JSON lines of {"id", "title", "text"}; the answer {"seconds": s} counts embedding, indexing for dense and
lexical search and saving to INDEX_FOLDER, where the set-up has these.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Passages = list[dict[str, str]]
Ingest = Callable[[Passages], None]


def main() -> None:
    # Libraries print to standard output; only our lines may go there.
    out, sys.stdout = sys.stdout, sys.stderr
    name, model, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    distribution, build = PEERS[name]
    ingest = build(model, folder)
    print(json.dumps({"ready": True, "version": version(distribution)}), file=out, flush=True)
    for line in sys.stdin:
        lines = Path(line.strip()).read_text(encoding="utf-8").splitlines()
        passages = [json.loads(each) for each in lines]
        started = time.perf_counter()
        ingest(passages)
        print(json.dumps({"seconds": time.perf_counter() - started}), file=out, flush=True)


def llamaindex(model: str, folder: str) -> Ingest:
    from llama_index.core import Settings, VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.retrievers.bm25 import BM25Retriever

    Settings.embed_model = HuggingFaceEmbedding(model_name=model, device="cpu")
    Settings.embed_model.get_text_embedding("warm")
    index = VectorStoreIndex([])
    nodes: list[TextNode] = []

    def ingest(passages: Passages) -> None:
        new = [TextNode(id_=each["id"], text=_text(each)) for each in passages]
        index.insert_nodes(new)
        nodes.extend(new)
        BM25Retriever.from_defaults(nodes=nodes).persist(f"{folder}/bm25")
        index.storage_context.persist(folder)

    return ingest


def haystack(model: str, folder: str) -> Ingest:
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder

    embedder = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
    embedder.warm_up()
    store = InMemoryDocumentStore()

    def ingest(passages: Passages) -> None:
        documents = [Document(id=each["id"], content=_text(each)) for each in passages]
        store.write_documents(embedder.run(documents)["documents"])
        store.save_to_disk(f"{folder}/store.json")

    return ingest


def txtai(model: str, folder: str) -> Ingest:
    from txtai import Embeddings

    index = Embeddings(path=model, hybrid=True, content=True, gpu=False)
    index.batchtransform(["warm"])

    def ingest(passages: Passages) -> None:
        index.upsert([(each["id"], _text(each), None) for each in passages])
        index.save(folder)

    return ingest


def langchain(model: str, folder: str) -> Ingest:
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
    embeddings.embed_query("warm")
    stores: list[FAISS] = []
    texts: list[str] = []

    def ingest(passages: Passages) -> None:
        new = [_text(each) for each in passages]
        ids = [each["id"] for each in passages]
        if stores:
            stores[0].add_texts(new, ids=ids)
        else:
            stores.append(FAISS.from_texts(new, embeddings, ids=ids))
        texts.extend(new)
        BM25Retriever.from_texts(texts)
        stores[0].save_local(folder)

    return ingest


def _text(passage: dict[str, str]) -> str:
    return f"{passage['title']}\n{passage['text']}" if passage.get("title") else passage["text"]


PEERS: dict[str, tuple[str, Callable[[str, str], Ingest]]] = {
    "llamaindex": ("llama-index-core", llamaindex),
    "haystack": ("haystack-ai", haystack),
    "txtai": ("txtai", txtai),
    "langchain": ("langchain-community", langchain),
}

if __name__ == "__main__":
    main()
