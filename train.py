"""Train a causal language model of genes, on one process or many.

    accelerate launch train.py --config configs/lstm.yaml --data data/human_genes --output_dir runs/lstm
    accelerate launch train.py --config configs/gpt2.yaml --data data/human_genes --output_dir runs/gpt2
    accelerate launch train.py --config configs/lstm.yaml --data ... --output_dir ... --model.hidden_size 512

A config is a YAML file with the options below and a section `model:` for `transformers.AutoConfig`: `model_type` and
the options of that type. Every option can also be given on the command line, which wins; those of the model as
`--model.NAME VALUE`.

One optimizer step sees one global batch of genes. The processes share it out among themselves, each in
`gradient_accumulation_steps` slices, and the loss is the sum of nats over the whole batch divided by its number of
targets. So the same steps are taken on one process or eight, up to rounding and to what dropout draws.

A run that is told to stop (Ctrl-C, SIGTERM) writes a checkpoint first, and one that was killed has its last one:
`--resume_from_checkpoint latest` goes on from there, on a CPU to the same bits. Where the learning rate
does not depend on the length of the run (constant, constant_with_warmup, inverse_sqrt), it goes on to a greater
--max_steps or --num_train_epochs as well, by the steps of a run that had this length from the start. docs/scaling.md
is about several GPUs, several machines, and Slurm. --quiet shows warnings alone and no bars, --verbose says more.
"""

import os

from genelm.storage import prepare_environment

if __name__ == "__main__":
    launcher = os.getppid()  # it may be gone when the libraries are loaded, seconds later
    prepare_environment()
    from genelm.training.main import main

    main(__doc__, launcher)
