"""`genelm evaluate` and `genelm report`: measure models and lay the figures side by side."""

from pathlib import Path
from typing import Annotated

import typer

from genelm.storage import check_output_file, started_command

from .arguments import MaxPositions, Model


def evaluate(
    model: Model,
    data: Annotated[Path, typer.Option(help="Folder that `genelm data build` wrote.")],
    output: Annotated[Path, typer.Option(help="Results file (JSON) to write.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    task: Annotated[
        list[str] | None,
        typer.Option(help="perplexity (the default) or mutations; may be given several times."),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(help="For mutations: pair file, or folder of them; by default pairs are made from the split."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of confidence intervals and of made pairs.")] = 0,
    max_positions: MaxPositions = None,
) -> None:
    """Measure a model on a dataset and write a results file.

    genelm evaluate runs/lstm --data data/human_genes --split test --task perplexity --task mutations
    --output results/lstm.json

    On several GPUs: accelerate launch -m genelm.cli evaluate ...
    """
    check_output_file(output)

    from genelm.eval import MAX_POSITIONS, evaluate_model, load_model, this_process, write_results
    from genelm.modeling import describe_model

    network, _, folder = load_model(model)
    results = evaluate_model(
        network,
        model_info=describe_model(model, folder, network),
        dataset_folder=data,
        split=split,
        tasks=task or ["perplexity"],
        pairs=pairs or [],
        seed=seed,
        command=started_command(),
        max_positions=max_positions or MAX_POSITIONS,
    )
    if this_process().is_main_process:
        write_results(results, output)
        for row in results["measurements"]:
            if row["group"] in ("all", "familiarity", "max_edits") and row["convention"] == "genelm":
                print(f"{row['task']}: {row['metric']} ({row['group']} {row['stratum']}) {row['value']:.4g}")
        print(f"{output}: {len(results['measurements'])} measurements of {model} on {split}.")


def report(
    results: Annotated[list[Path], typer.Argument(help="Results files of `genelm evaluate`, or folders of them.")],
    output: Annotated[Path, typer.Option(help="Folder for report.md and its pictures.")],
    update: Annotated[
        Path | None, typer.Option(help="Markdown file whose table between the results marks is rendered anew.")
    ] = None,
) -> None:
    """Lay results side by side: a table in Markdown and a picture.

    genelm report results/*.json --output report/
    """
    from genelm.eval import read_results, results_files, results_table, update_table, write_report

    loaded = [read_results(file) for file in results_files(results)]
    for path in write_report(loaded, output):
        print(path)
    if update is not None:
        update_table(update, results_table(loaded))
        print(update)
