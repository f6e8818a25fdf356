"""Answers from documents: retrieved, written by a chat model, cited by the server, checked sentence by sentence."""
