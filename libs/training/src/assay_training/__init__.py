"""How the models that Assay ships were trained."""
