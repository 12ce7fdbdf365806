"""Generative language models of gene DNA: build data, fit, score, generate, evaluate.

    import genelm

    genelm.build_dataset("data/my_genes", source="fasta", input="genes.fa.gz", split="similarity")
    genelm.fit_ngram("data/my_genes").save("runs/mixture")
    genelm.train("configs/lstm.yaml", data="data/my_genes", output_dir="runs/lstm")

    model = genelm.load("runs/lstm")  # or USER/NAME of the Hub, or a model in memory
    scores = model.score(["ATGGCCNNACGT", "ttgaca"])
    print(scores.bits_per_base, scores.to_frame())
    genes = model.generate(10, prompt="ATG", seed=0)

    results = genelm.evaluate(model, "data/my_genes", split="test", tasks=["perplexity", "edits"])
    results.save("results/lstm.json")
    genelm.report(["results/lstm.json"], "report")

Everything here is loaded when it is first used, so `import genelm` is quick. What cannot go on raises a
`genelm.GenelmError`, whose text is one sentence that says what to do: `genelm.InputError` where it is the input. What
is worth knowing on the way is logged under `genelm`; `logging.basicConfig(level="INFO")` shows it.
"""

import logging

import lazy_loader

logging.getLogger(__name__).addHandler(logging.NullHandler())

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
