"""N-gram models with an index: counts by brute force, fractions by hand, two forms of one scan, honest predictions."""

import copy
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.dynamic_module_utils import get_imports

from genelm.eval import table_marks
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    default_config,
    fit_head,
    load_model_folder,
    ngram_index,
    ngram_scan,
    save_model_folder,
)
from genelm.modeling import modeling_gene_ngram as model_module
from genelm.modeling.ngram_index import DEPTH, ContextIndex
from genelm.modeling.recurrent_cache import STATE_NAME
from genelm.storage import InputError
from genelm.tokenization import encode, load_tokenizer


def random_genes(count: int, seed: int = 0, unknown: bool = True) -> list[str]:
    """Genes in families: half are earlier ones with a tenth of their bases changed, some on the other strand."""
    rng = np.random.default_rng(seed)
    genes: list[str] = []
    for number in range(count):
        if number % 2 and len(genes) > 3:
            letters = list(genes[int(rng.integers(len(genes)))])
            for place in range(len(letters)):
                if rng.random() < 0.1:
                    letters[place] = "ACGT"[int(rng.integers(4))]
            gene = "".join(letters)
            if number % 4 == 3:
                gene = gene[::-1].translate(str.maketrans("ACGT", "TGCA"))
        else:
            gene = "".join(rng.choice(list("ACGT"), size=int(rng.integers(1, 200))))
            gene += gene[: len(gene) // 3]  # repeats, for the gene's own contexts
        if unknown and number % 5 == 2:
            gene = gene[: len(gene) // 2] + "NN" + gene[len(gene) // 2 :]
        genes.append(gene)
    return genes


def tokens(genes: list[str]) -> list[torch.Tensor]:
    return [torch.from_numpy(encode(gene)).long() for gene in genes]


def padded(genes: list[str]) -> torch.Tensor:
    rows = [torch.nn.functional.pad(gene, (1, 0), value=2) for gene in tokens(genes)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0)


def fitted(smoothing: str, genes: list[str], order: int = 24, **options) -> GeneNGramForCausalLM:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=order, smoothing=smoothing, **options))
    model.count(tokens(genes))
    fit_head(model, tokens(random_genes(30, seed=0)[::-1]), silent=True)
    return model


@pytest.fixture(scope="module", params=["interpolated", "mixture"])
def model(request) -> GeneNGramForCausalLM:
    return fitted(request.param, random_genes(60), both_strands=True)


def brute_counts(genes: list[str], context: str, starts: bool) -> np.ndarray:
    """What follows a context: the end, A, C, G, T; `starts`: only where a gene begins with it."""
    counts = np.zeros(5)
    for gene in genes:
        for place in range(len(gene) + 1):
            begins = place - len(context)
            if begins < 0 or gene[begins:place] != context or (starts and begins > 0):
                continue
            following = gene[place] if place < len(gene) else "$"
            if following in "$ACGT":
                counts["$ACGT".index(following)] += 1
    return counts


@pytest.mark.parametrize("both_strands", [False, True])
@pytest.mark.parametrize("once", [False, True])
def test_counts_of_every_context_by_brute_force(once: bool, both_strands: bool) -> None:
    genes = random_genes(24)
    other = [gene[::-1].translate(str.maketrans("ACGT", "TGCA")) for gene in genes]
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="interpolated", both_strands=both_strands))
    model.count(tokens(genes))
    model.head.feature_spec = model.head.feature_spec._replace(beginning_once=once)
    for gene in [*genes[:6], "ACGTNACCCA" * 3]:
        features, _ = model.extract_features(padded([gene]))
        for place in range(0, len(gene) + 1, 7):
            for k in range(24):
                starts = k > place
                context = gene[max(place - k, 0) : place]
                is_empty = "N" in context or (once and k > place + 1)
                expected = np.zeros(5) if is_empty else brute_counts(genes, context, starts)
                assert features.sense_counts[0, place, k].tolist() == expected.tolist()
                if both_strands and not starts and "N" not in context:
                    expected = expected + np.append(0, brute_counts(other, context, False)[1:])
                assert features.counts[0, place, k].tolist() == expected[1:].tolist()


@pytest.mark.parametrize("positions_at_once", [1, 100, 10_000])
def test_contexts_are_sorted_the_same_in_parts(positions_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = np.array(ngram_index.SYMBOL_OF_TOKEN, dtype=np.uint8)
    genes = [symbols[encode(gene)] for gene in [*random_genes(24), "A" * 300]]
    monkeypatch.setattr(ngram_index, "_POSITIONS_AT_ONCE", positions_at_once)
    index = ContextIndex(0)
    index.build(genes, both_strands=True)
    text = index.text.numpy()
    contexts = [np.roll(text, -place)[: -DEPTH - 1 : -1].tolist() for place in range(len(text))]
    assert index.places.tolist() == sorted(range(len(text)), key=contexts.__getitem__)


def test_both_strands_count_alike() -> None:
    genes = random_genes(20, unknown=False)
    reverse = [gene[::-1].translate(str.maketrans("ACGT", "TGCA")) for gene in genes]
    one, other = (
        GeneNGramForCausalLM(GeneNGramConfig(order=8, smoothing="interpolated", both_strands=True)).count(tokens(some))
        for some in (genes, reverse)
    )
    query = padded([max(genes, key=len)])
    for k in range(8):
        inside = torch.arange(query.shape[1]) >= k  # contexts that begin with a gene know the sense strand
        counts = [model.extract_features(query)[0].counts[:, inside, k] for model in (one, other)]
        assert torch.equal(*counts)


def test_a_gene_that_begins_like_one_other_is_not_certain_to_go_on_like_it() -> None:
    genes = ["ACGTTGCA" + gene for gene in random_genes(40, unknown=False)]
    model = GeneNGramForCausalLM(default_config("interpolated")).count(tokens(["GATTACA" * 3, *genes]))
    model.head.log_strengths.zero_()
    logits = model(padded(["GATT"])).logits[0, -1]
    # Only one gene begins like it; were each of 20 lengths believed anew, no base but its next would be left.
    assert logits.softmax(-1)[5:].min() > 1e-4


def test_interpolation_of_three_genes_by_hand() -> None:
    # AC, A and CA, contexts of up to 1 base, all strengths 1. Ends and bases seen: end 3, A 3, C 2.
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2, smoothing="interpolated")).double()
    model.count(tokens(["AC", "A", "CA"]))
    model.head.log_strengths.zero_()
    third, fifth = Fraction(1, 3), Fraction(1, 5)
    shortest = {x: (count + fifth) / 9 for x, count in (("$", 3), ("A", 3), ("C", 2), ("G", 0), ("T", 0))}
    expected = {
        "": [(count + shortest[x]) / 4 for x, count in (("$", 0), ("A", 2), ("C", 1), ("G", 0), ("T", 0))],
        "A": [(count + shortest[x]) / 4 for x, count in (("$", 2), ("A", 0), ("C", 1), ("G", 0), ("T", 0))],
        "C": [(count + shortest[x]) * third for x, count in (("$", 1), ("A", 1), ("C", 0), ("G", 0), ("T", 0))],
        "G": list(shortest.values()),
    }
    for gene, probabilities in expected.items():
        found = model(padded([gene])).logits[0, -1].exp()
        assert found[3:].tolist() == pytest.approx([float(p) for p in probabilities], rel=1e-12)
        assert sum(probabilities) == 1


def test_the_other_strand_weighs_what_its_weight_says() -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=1, smoothing="interpolated", both_strands=True)).double()
    model.count(tokens(["AAC"]))
    model.head.log_strengths.zero_()
    model.head.reverse_logits.fill_(np.log(3))  # a weight of 3/4
    # Sense: end 1, A 2, C 1; other strand: G 1, T 2; sum 4 + 3/4 * 3, and a strength of 1 for a fifth each.
    expected = np.array([1, 2, 1, 0.75, 1.5]) / 7.25 + 0.2 / 7.25
    assert model(padded(["A"])).logits[0, -1, 3:].exp().tolist() == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize("copies_and_own", [True, False])
def test_the_compiled_walk_is_the_walk_in_torch(copies_and_own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("mixture" if copies_and_own else "interpolated", random_genes(80), both_strands=True)
    query = padded(random_genes(80)[20:50])
    compiled, state = model.extract_features(query)
    assert not copies_and_own or compiled.copy_logits.abs().max() > 3  # copies are followed in it
    monkeypatch.setattr(ngram_scan, "compiled_scan", None)
    in_torch, torch_state = model.extract_features(query)
    for name, one, other in zip(compiled._fields, compiled, in_torch, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5), name
    followed = state.copies[..., 0] >= 0
    assert torch.equal(followed, torch_state.copies[..., 0] >= 0)
    assert torch.equal(state.copies[followed], torch_state.copies[followed])
    assert torch.equal(state.rows, torch_state.rows)
    assert torch.equal(state.seen, torch_state.seen)


def test_probabilities_add_up_to_one(model: GeneNGramForCausalLM) -> None:
    for query in (padded(random_genes(40)[:20]), padded(["A" * 300, "ACGT" * 40, "N", ""])):
        assert torch.allclose(model(query).logits.exp().sum(-1), torch.ones(query.shape), atol=1e-5)


def test_a_base_changes_no_prediction_before_it(model: GeneNGramForCausalLM) -> None:
    query = padded(random_genes(60)[10:11])
    before = model(query).logits
    for place in (1, 5, query.shape[1] // 2, query.shape[1] - 2):
        for base in (4, 5, 6, 7, 1):
            changed = query.clone()
            changed[0, place] = base
            assert torch.equal(model(changed).logits[:, :place], before[:, :place])
        assert not torch.equal(model(changed).logits[:, place:], before[:, place:])


@pytest.mark.parametrize("steps", [1, 7])
def test_at_once_and_in_steps(model: GeneNGramForCausalLM, steps: int) -> None:
    query = padded(random_genes(60)[10:14])
    whole, cache, parts = model(query).logits, None, []
    for part in query.split(steps, dim=1):
        output = model(part, past_key_values=cache, use_cache=True)
        cache = output[STATE_NAME]
        parts.append(output.logits)
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
    assert cache.get_seq_length() == query.shape[1]


def test_neighbours_padding_and_threads_change_nothing(model: GeneNGramForCausalLM, monkeypatch) -> None:
    genes = random_genes(60)[10:30]
    together = model(padded(genes)).logits
    monkeypatch.setattr(model_module, "_PLACES_PER_THREAD", 50)
    assert torch.allclose(model(padded(genes)).logits, together, atol=1e-5)
    for row, gene in enumerate(genes):
        alone = model(padded([gene])).logits[0]
        assert torch.allclose(alone, together[row, : len(gene) + 1], atol=1e-5)
    left = torch.nn.functional.pad(padded(genes[:1]), (5, 0), value=0)
    assert torch.allclose(model(left).logits[:, 5:], model(padded(genes[:1])).logits, atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        assert torch.allclose(model(padded(genes)).logits, together, atol=1e-5)


def test_a_model_of_its_own_genes_recalls_them() -> None:
    genes = random_genes(60, unknown=False)
    model = fitted("mixture", genes)
    bits = model(padded(genes[:1]), labels=padded(genes[:1])).loss / np.log(2)
    assert bits < 0.6


def test_counting_in_two_turns_is_counting_at_once(model: GeneNGramForCausalLM, tmp_path) -> None:
    genes = random_genes(60)
    save_model_folder(tmp_path, fitted(model.config.smoothing, genes[:20], both_strands=True), load_tokenizer(), {})
    again, _ = load_model_folder(tmp_path)
    again.count(tokens(genes[20:]))
    fit_head(again, tokens(random_genes(30, seed=0)[::-1]), silent=True)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_a_saved_model_is_the_same_in_any_floating_type(model: GeneNGramForCausalLM, tmp_path) -> None:
    model.save_pretrained(tmp_path)
    query = padded(random_genes(60)[:3])
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert torch.equal(loaded(query).logits, model(query).logits)
    half = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half(query).logits.dtype == torch.bfloat16
    assert torch.allclose(half(query).logits.float().exp(), model(query).logits.exp(), atol=0.1)


def test_nothing_is_trainable_before_and_after_saving(model: GeneNGramForCausalLM, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    for one in (model, AutoModelForCausalLM.from_pretrained(tmp_path).train()):
        assert one.num_parameters(only_trainable=True) == 0


def test_fitting_is_a_function_of_its_seed(model: GeneNGramForCausalLM) -> None:
    again = fitted(model.config.smoothing, random_genes(60), both_strands=True)
    assert torch.equal(again(padded(["ACGTTGCA"])).logits, model(padded(["ACGTTGCA"])).logits)


def test_what_cannot_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=3, smoothing="mixture"))
    with pytest.raises(ValueError, match="no gene has been counted"):
        model(padded(["ACGT"]))
    with pytest.raises(ValueError, match="no weights to fit"):
        fit_head(GeneNGramForCausalLM(GeneNGramConfig(order=3)), tokens(["ACGT"]))
    with pytest.raises(ValueError, match="there is none"):
        fit_head(model.count(tokens(["ACGT"])), [])
    monkeypatch.setattr(ngram_index, "MAX_SIZE", 10)
    with pytest.raises(OverflowError, match="12 symbols with their boundaries; an index holds at most 10"):
        ContextIndex(0).build([np.full(10, 2, dtype=np.uint8)], both_strands=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": "interpolated", "order": 0}, "from 1 to 24"),
        ({"smoothing": "mixture", "order": 25}, "from 2 to 24"),
        ({"smoothing": "mixture", "order": 1}, "from 2 to 24"),
        ({"smoothing": "laplace", "both_strands": True}, "both_strands is for interpolated and mixture"),
        ({"smoothing": "mixture", "paper": True}, "paper is for mle and laplace"),
        ({"smoothing": "mixture", "pseudocount": 2.0}, "pseudocount is for 'laplace'"),
        ({"smoothing": "interpolated", "own_gene": False}, "own_gene is for 'mixture'"),
        ({"smoothing": "mixture", "format_version": 0}, "format_version is 0, but this code reads version 1"),
    ],
)
def test_impossible_models_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        GeneNGramConfig(**options)


def test_a_folder_of_another_version_is_refused(tmp_path) -> None:
    model = fitted("mixture", random_genes(10))
    save_model_folder(tmp_path, model, load_tokenizer(), {})
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(InputError, match="model: format_version is 2, but this code reads version 1; fit the model"):
        load_model_folder(tmp_path)


@pytest.mark.parametrize(
    ("said", "wrong", "message"),
    [
        ('"order": 24', '"order": 12', r"head.direct_weights.weight has the shape \[25, 50\], but .* \[\d+, \d+\]"),
        ('"own_gene": true', '"own_gene": false', r"head.direct_weights.weight has the shape \[25, 50\]"),
        ('"index_size": ', '"index_size": 1', r"index.blocks has the shape \[\d+, 16\], but config.json asks for"),
    ],
)
def test_a_config_that_is_not_of_the_weights_is_named(said: str, wrong: str, message: str, tmp_path: Path) -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture")).count(tokens(random_genes(10)))
    save_model_folder(tmp_path, model, load_tokenizer(), {})
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace(said, wrong))
    with pytest.raises(InputError, match=message):
        load_model_folder(tmp_path)


DAMAGE: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "places behind the text": lambda index: index["places"].fill_(2**31 - 1),
    "places before the text": lambda index: index["places"].fill_(-1),
    "rows behind the last": lambda index: index["first_rows"][2:].fill_(2**40),
    "rows that shrink": lambda index: index["first_rows"][3:5].copy_(index["first_rows"][3:5].flip(0)),
    "letters there are none of": lambda index: index["text"].fill_(200),
    "a text that ends with a base": lambda index: index.update(text=index["text"].roll(-2)),
    "no counts": lambda index: index["blocks"].zero_(),
    "a count that jumps": lambda index: index["blocks"][-1, 1:5].add_(1),
    "a bit more": lambda index: index["blocks"][3, 11].bitwise_not_(),
}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_named_before_it_is_walked(
    damage: Callable[[dict[str, torch.Tensor]], object],
    compiled: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture", both_strands=True))
    save_model_folder(tmp_path, model.count(tokens(random_genes(20))), load_tokenizer(), {})
    stored = load_file(tmp_path / "model.safetensors")
    index = {name.removeprefix("index."): tensor for name, tensor in stored.items() if name.startswith("index.")}
    damage(index)
    save_file(stored | {f"index.{name}": tensor for name, tensor in index.items()}, tmp_path / "model.safetensors")
    if not compiled:
        monkeypatch.setattr(ngram_scan, "compiled_scan", None)
    damaged = AutoModelForCausalLM.from_pretrained(tmp_path)
    for use in (lambda: damaged(padded(random_genes(20))), lambda: damaged.count(tokens(["ACGT"]))):
        with pytest.raises(ValueError, match="index of training genes is damaged; get the model anew"):
            use()
    with pytest.raises(InputError, match="cannot be used: the model's index of training genes is damaged"):
        load_model_folder(tmp_path)


def test_an_index_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture")).count(tokens(random_genes(20)))
    model(padded(["ACGT"]))
    monkeypatch.setattr(torch.Tensor, "bincount", lambda *_, **__: pytest.fail("checked again"))
    model(padded(["ACGT"]))


@pytest.mark.parametrize("order", range(2, 25))
def test_every_order_is_a_model(order: int) -> None:
    for options in (
        {"smoothing": "interpolated"},
        {"smoothing": "mixture"},
        {"smoothing": "mixture", "own_gene": False},
    ):
        model = GeneNGramForCausalLM(GeneNGramConfig(order=order, **options)).count(tokens(random_genes(20)))
        spec = model.head.feature_spec
        assert max(spec.sense_contexts) <= spec.contexts[-1]
        assert torch.allclose(model(padded(["ACGTACG"])).logits.exp().sum(-1), torch.ones(8), atol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_copy_ends_with_the_text(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = random_genes(60, unknown=False)
    model = fitted("mixture", genes, both_strands=True)
    query = padded([genes[0][::-1].translate(str.maketrans("ACGT", "TGCA")) + "AC"])
    if not compiled:
        monkeypatch.setattr(ngram_scan, "compiled_scan", None)
    features, state = model.extract_features(query)
    assert features.copy_logits[0, -4].max() > 1  # the copy is followed to its end
    assert (state.copies[..., 0] < model.index.size).all()


def test_differences_of_large_counts_are_exact(model: GeneNGramForCausalLM) -> None:
    query = padded(random_genes(60)[:3])
    expected, _ = model.extract_features(query)
    larger = copy.deepcopy(model)
    larger.index.blocks[:, [0, 5, 6, 7, 8]] += 40_000_001  # the others are rows as well
    found, _ = larger.extract_features(query)
    assert torch.equal(found.counts, expected.counts)
    assert torch.equal(found.sense_counts, expected.sense_counts)


def test_genes_that_all_end_alike_can_be_fitted() -> None:
    end = "ACGTTGCAGGACTTACGGATTACCAGATTGCA"
    genes = [gene + end for gene in random_genes(500, unknown=False)]
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture")).count(tokens(genes))
    fit_head(model, tokens(genes[:100]), silent=True)
    probabilities = model(padded(genes[:1])).logits.exp()
    assert torch.allclose(probabilities.sum(-1), torch.ones(probabilities.shape[:2]), atol=1e-5)
    assert probabilities[0, -1, 3] > 0.9


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floating_types_hold_the_logits_alone(
    model: GeneNGramForCausalLM, dtype: torch.dtype, tmp_path: Path
) -> None:
    large = fitted(model.config.smoothing, ["A" * 70_000, *random_genes(60)], both_strands=True)
    large.save_pretrained(tmp_path)
    query = padded([random_genes(60)[1], "A" * 50])
    short = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=dtype)
    found = short(query).logits
    assert found.dtype == dtype
    assert torch.allclose(found.float().exp(), large(query).logits.exp(), atol=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(large(query[:1]).logits, large(query)[0][:1])


def test_autocast_rounds_no_count_of_the_walk_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("mixture", random_genes(60))
    monkeypatch.setattr(ngram_scan, "compiled_scan", None)
    query = padded(["ACGT" + "A" * 300])  # odd counts above 256, which bfloat16 does not have
    exact = model(query, logits_to_keep=1).logits
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model(query, logits_to_keep=1).logits, exact)


def test_what_numba_does_is_not_asked_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(ngram_scan.__file__).parent
    assert not any("numba" in get_imports(folder / name) for name in ("ngram_compiled.py", "ngram_scan.py"))
    model = fitted("mixture", random_genes(10))
    monkeypatch.setattr(ngram_scan, "compiled_scan", None)
    with pytest.raises(ValueError, match="install numba"):
        fit_head(model, tokens(random_genes(10)), silent=True)


def test_the_figures_of_the_document_are_those_of_the_code_and_the_benchmark(
    load_benchmark: Callable[[str], ModuleType],
) -> None:
    root = Path(__file__).parent.parent
    document = (root / "docs" / "ngram.md").read_text()
    interpolated, mixture = (
        GeneNGramForCausalLM(default_config(smoothing)).head for smoothing in ("interpolated", "mixture")
    )
    fitted_numbers = [sum(number.numel() for number in head.parameters()) for head in (interpolated, mixture)]
    per_length = fitted_numbers[0] // len(interpolated.feature_spec.contexts)
    assert f"{per_length} numbers a length ({fitted_numbers[0]:,})" in document
    assert f"{fitted_numbers[1]:,} numbers, and {mixture.hit_rates.numel()} hit rates" in document
    assert (
        f"in {mixture.epochs} more, the counts frozen (those of `interpolated` in {interpolated.epochs})" in document
    )
    for lengths in (mixture.feature_spec.contexts, mixture.feature_spec.own_contexts):
        assert f"{', '.join(map(str, lengths[:-1]))} and {lengths[-1]} bases" in document
    benchmark = load_benchmark("ngram")
    measured = json.loads(benchmark.RESULTS.read_text())
    start, end = table_marks("speed")
    shown = document.split(start)[1].split(end)[0].strip()
    assert shown == benchmark.speed_table(measured).strip()
    assert f"{measured['index:mixture']['bytes_per_training_base']:.0f} a base with both strands" in document


def test_more_logits_than_tokens_are_all_there_are(model: GeneNGramForCausalLM) -> None:
    query = padded(["ACGTAC"])
    assert torch.equal(model(query, logits_to_keep=20).logits, model(query).logits)
    assert model(query[:, :0]).logits.shape == (1, 0, 8)
    assert model(query[:0]).logits.shape == (0, 7, 8)
