"""N-gram language model of genes: counts that load, score and generate like any causal model.

The file and those it imports stand alone: they travel to the Hub beside the counts and are loaded there with
`trust_remote_code=True`.

`mle` and `laplace` have a table with a row per context of n - 1 symbols, oldest first, in base 5: 0 for "no base here"
(before the gene, or an unknown base), 1 to 4 for A, C, G, T. Its five columns are the token ids 3 to 7: the end of the
gene, A, C, G, T. `interpolated` and `mixture` have an index of the training genes, which holds the counts of all
contexts (`ngram_index.py`), a scan of a gene that looks them up (`ngram_scan.py`), and a head that makes
probabilities of them (`ngram_heads.py`).
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import torch
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils import logging

# Not used here: transformers from 5.4 to 5.9 copies the files that this one imports, and looks no further.
from .configuration_fields import check_fields as _check_fields  # noqa: F401
from .configuration_gene_ngram import GeneNGramConfig
from .ngram_heads import NUM_OUTCOMES, InterpolatedHead, MixtureHead
from .ngram_index import SYMBOL_OF_TOKEN, ContextIndex
from .ngram_scan import Features, ScanState, compiled_scan, scan
from .recurrent_cache import STATE_NAME, RecurrentCache, refuse_unknown_inputs

with suppress(ImportError):
    from .ngram_compiled import scan as _scan  # noqa: F401

_logger = logging.get_logger(__name__)

UNK_ID, BOS_ID, EOS_ID, A_ID = 1, 2, 3, 4
_COUNT_LIMIT = torch.iinfo(torch.int32).max
_BASES_PER_CHUNK = 1 << 22
_BATCH_DIM = 0

_PLACES_PER_THREAD = 4096
"""Places that a thread looks up and mixes at once, so that they stay in its processor's cache."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _chunks(genes: Iterable[torch.Tensor], num_bases: int) -> Iterator[list[torch.Tensor]]:
    """Yield the genes as many at a time as have some number of bases."""
    chunk: list[torch.Tensor] = []
    left = num_bases
    for gene in genes:
        chunk.append(gene)
        left -= gene.numel()
        if left <= 0:
            yield chunk
            chunk, left = [], num_bases
    if chunk:
        yield chunk


@cache
def _thread_pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,))


def in_threads(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Apply a function to some items on as many threads as torch uses, each of which computes alone.

    No gradients are kept. Two threads that each have a part of the genes are faster than one whose every operation is
    shared out.
    """
    num_threads = torch.get_num_threads()
    if min(num_threads, len(items)) == 1:
        with torch.no_grad():
            return [function(item) for item in items]

    inference = torch.is_inference_mode_enabled()

    def apply(item: _Item) -> _Result:
        with torch.inference_mode(inference), torch.no_grad():  # each thread has settings of its own
            return function(item)

    try:
        return list(_thread_pool(num_threads).map(apply, items))
    finally:
        torch.set_num_threads(num_threads)  # a new thread of the pool has set it to one for threads to come


class GeneNGramForCausalLM(PreTrainedModel, GenerationMixin):
    """N-gram model whose logits are natural logarithms of probabilities.

    `mle` and `laplace` have no parameters: `counts` is an int32 buffer, `[5 ** (order - 1), 5]`, saved as any weight
    is. `interpolated` and `mixture` have an `index`, all buffers of integers, and a `head` with few parameters, which
    are fitted on genes that were not counted and then stay as they are. Logits have the floating-point type the model
    is loaded with, and are computed in float32 at least; `dtype=torch.float64` gives the last digits.
    """

    config: GeneNGramConfig
    config_class = GeneNGramConfig
    base_model_prefix = ""
    _is_stateful = True

    index: ContextIndex
    head: InterpolatedHead | MixtureHead

    def __init__(self, config: GeneNGramConfig) -> None:
        super().__init__(config)
        if config.has_index:
            self.index = ContextIndex(config.index_size)
            self.head = (
                InterpolatedHead(config.order, config.both_strands)
                if config.smoothing == "interpolated"
                else MixtureHead(config.order, config.own_gene)
            )
            self.head.requires_grad_(False)
            if compiled_scan is None:
                _logger.warning_once(
                    "numba is not installed. Without it an n-gram model with an index reads genes about a hundred "
                    "times as slowly on a CPU, and writes them more slowly as well: pip install numba"
                )
        else:
            self.register_buffer("counts", torch.zeros(5 ** (config.order - 1), NUM_OUTCOMES, dtype=torch.int32))
            self.register_buffer("of_logits_type", torch.empty(0), persistent=False)  # holds the type alone
        self.loss_type = "ForCausalLM"
        self.post_init()

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    @property
    def carries_state(self) -> bool:
        """Whether a long gene may be read piece by piece, `past_key_values` handed on."""
        return self.config.has_index

    @property
    def prefers_cpu(self) -> bool:
        """Whether it has a scan compiled for the CPU: a GPU would be given hundreds of small kernels a base."""
        return self.config.has_index and compiled_scan is not None

    @property
    def device(self) -> torch.device:
        """The device of the counts; there may be no parameters to ask."""
        return self.index.text.device if self.config.has_index else self.counts.device

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the logits."""
        return next(self.head.parameters()).dtype if self.config.has_index else self.of_logits_type.dtype

    @property
    def _precise_dtype(self) -> torch.dtype:
        """The type to compute in: counts, and sums over a gene, do not fit into shorter ones than float32."""
        return torch.promote_types(self.dtype, torch.float32)

    def _pseudocounts(self, dtype: torch.dtype) -> torch.Tensor:
        """What smoothing adds to the count of each token id, `[vocab_size]`."""
        added = torch.zeros(self.config.vocab_size, dtype=dtype, device=self.device)
        if self.config.smoothing == "laplace":
            added[A_ID:] = self.config.pseudocount
            if self.config.paper:
                added[UNK_ID] = self.config.pseudocount
            if self.config.paper and self.config.order > 1:
                added[BOS_ID] = self.config.pseudocount
            if not self.config.paper or self.config.order > 1:
                added[EOS_ID] = self.config.pseudocount
        return added

    def train(self, mode: bool = True) -> "GeneNGramForCausalLM":
        """Switch the mode; nothing is trainable in either, which `from_pretrained` forgets before it calls this."""
        return super().train(mode).requires_grad_(False)

    def _init_weights(self, module: torch.nn.Module) -> None:
        if not isinstance(module, InterpolatedHead | MixtureHead) or getattr(module, "_is_hf_initialized", False):
            return
        fresh = copy.deepcopy(module)
        fresh.reset_parameters()
        new = chain(fresh.parameters(), fresh.buffers())
        with torch.no_grad():
            for tensor, value in zip(chain(module.parameters(), module.buffers()), new, strict=True):
                if not getattr(tensor, "_is_hf_initialized", False):  # transformers marks what it has loaded
                    tensor.copy_(value)

    def _contexts(self, digits: torch.Tensor) -> torch.Tensor:
        """Return the table row of the context that ends at each position; `digits` is `[..., length]`, 0 to 4."""
        rows = torch.zeros_like(digits, dtype=torch.int32)
        power, power_length, length = digits.to(torch.int32), 1, 0  # numbers of contexts of 1, 2, 4 ... digits
        wanted = self.config.order - 1
        while wanted:
            if wanted & 1:
                rows[..., length:] += power[..., : max(digits.shape[-1] - length, 0)] * 5**length
                length += power_length
            wanted >>= 1
            if wanted:
                longer = power.clone()
                longer[..., power_length:] += power[..., :-power_length] * 5**power_length
                power, power_length = longer, 2 * power_length
        return rows

    @torch.no_grad()
    def count(self, genes: Iterable[torch.Tensor]) -> "GeneNGramForCausalLM":
        """Add the n-grams of some genes to the counts.

        An index is made anew, of the genes it had and these. Its head still has the weights that were fitted to what
        it had; see `fit_head`.

        Args:
            genes: token ids of one gene each, `[length]`, without `[BOS]` and `[EOS]`. Bases and the end are counted;
                `[UNK]` is context only.

        Returns:
            The model itself.

        Raises:
            OverflowError: an n-gram occurs more than 2^31 - 1 times, or an index would have more symbols than that.
        """
        if self.config.has_index:
            symbol_of_token = torch.tensor(SYMBOL_OF_TOKEN, dtype=torch.uint8)
            more = (symbol_of_token[gene.long()].numpy() for gene in genes)
            device = self.device
            self.index.build(chain(list(self.index.genes()), more), self.config.both_strands)
            self.index.to(device)
            self.config.index_size = self.index.size
            return self
        for chunk in _chunks(genes, _BASES_PER_CHUNK):
            self._count_chunk(chunk)
        return self

    def _count_chunk(self, genes: list[torch.Tensor]) -> None:
        contexts, outcomes, _ = self._joined(genes)
        counted = outcomes >= 0
        if self.config.paper and self.config.order == 1:
            counted &= outcomes > 0  # the paper's unigram model has no gene boundaries
        cells = (contexts * NUM_OUTCOMES + outcomes)[counted].long()
        table = self.counts.view(-1)
        if int(table.max()) + len(cells) > _COUNT_LIMIT:
            distinct, added = torch.unique(cells, return_counts=True)
            most = int((table[distinct] + added).max())
            if most > _COUNT_LIMIT:
                raise OverflowError(f"an n-gram occurs {most} times; the counts hold at most {_COUNT_LIMIT}")
        table.scatter_add_(0, cells, torch.ones_like(cells, dtype=torch.int32))

    def _joined(self, genes: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return contexts and outcomes of all genes, the end included, as one row, and the symbols of each gene."""
        # Before every gene stands n - 1 times "no base here", so that no context reaches into the gene before.
        gap = max(self.config.order - 1, 1)
        lengths = np.array([gene.numel() + 1 for gene in genes])
        firsts = np.cumsum(lengths + gap) - lengths
        tokens = np.full(int((lengths + gap).sum()), BOS_ID, dtype=np.int8)
        for gene, first, length in zip(genes, firsts.tolist(), lengths.tolist(), strict=True):
            tokens[first : first + length - 1] = gene.numpy(force=True)
            tokens[first + length - 1] = EOS_ID
        digits = torch.from_numpy(np.maximum(tokens - EOS_ID, 0)).to(self.device)
        is_outcome = torch.from_numpy(np.flatnonzero(tokens != BOS_ID)).to(self.device)
        outcomes = torch.from_numpy(tokens - EOS_ID).to(self.device)[is_outcome]
        return self._contexts(digits)[is_outcome - 1], outcomes, torch.from_numpy(lengths).to(self.device)

    @torch.no_grad()
    def score(self, genes: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what genes cost: -ln p(bases, end) of each; from a table, without a logit for what did not come.

        Args:
            genes: token ids of one gene each, uint8, `[length]`, without `[BOS]` and `[EOS]`; `[UNK]` costs nothing.

        Returns:
            Nats over the whole softmax, summed of logits in float32 at least whatever the type of the model; float64,
            `[len(genes)]`.
        """
        cost = self._index_costs if self.config.has_index else self._table_costs
        num_bases = _BASES_PER_CHUNK >> (6 if self.config.has_index else 0)
        costs = [cost(chunk) for chunk in _chunks(genes, num_bases)]
        return torch.cat(costs) if costs else torch.zeros(0, dtype=torch.float64)

    def _table_costs(self, genes: Sequence[torch.Tensor]) -> torch.Tensor:
        contexts, outcomes, lengths = self._joined(genes)
        tokens = (outcomes + EOS_ID).clamp(min=0).int()
        if len(self.counts) <= len(contexts):
            log_probabilities = self._smoothed(self.counts).view(-1)[contexts * self.config.vocab_size + tokens]
        else:
            log_probabilities = self._smoothed(self.counts[contexts]).gather(-1, tokens.long()[:, None])[:, 0]
        nats = log_probabilities.neg_().masked_fill_(outcomes < 0, 0)
        return torch.segment_reduce(nats.double(), "sum", lengths=lengths)

    def _index_costs(self, genes: Sequence[torch.Tensor]) -> torch.Tensor:
        rows = [torch.nn.functional.pad(gene.long(), (1, 1), value=EOS_ID) for gene in genes]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=UNK_ID).to(self.device)
        tokens[:, 0] = BOS_ID
        logits, _ = self._index_logits(tokens[:, :-1])
        nats = -logits.gather(-1, tokens[:, 1:, None]).squeeze(-1).double()
        return torch.where(tokens[:, 1:] == UNK_ID, 0, nats).sum(dim=-1)

    def prepare_inputs_for_generation(self, input_ids: torch.LongTensor, **kwargs: Any) -> dict[str, Any]:
        """Return `generate` the tokens a prediction depends on."""
        if self.config.has_index:
            return {**super().prepare_inputs_for_generation(input_ids, **kwargs), "logits_to_keep": 1}
        return {"input_ids": input_ids[:, -self.config.order :], "logits_to_keep": 1}  # with or without a cache

    def forward(
        self,
        input_ids: torch.LongTensor,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: int | torch.Tensor | None = None,
        cache: Cache | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict the token after each token.

        Args:
            input_ids: token ids, `[batch, length]`, one gene a row: what stands before a `[BOS]` within a row is not
                forgotten. Padding on the left reads as "before the gene", which it is.
            attention_mask: not needed: padding has an id of its own.
            past_key_values: the state to go on from, as returned by an earlier call; with an index only.
            labels: token ids whose prediction is scored, -100 where none is; `[batch, length]`, not shifted.
            use_cache: whether to return the state, with an index only; by default `config.use_cache`.
            logits_to_keep: give logits for this many last positions only; 0 for all.
            num_items_in_batch: what the loss is divided by; by default the number of targets.
            cache: `past_key_values` under its name since transformers 5.24.
            kwargs: what `generate` passes to attention models; not needed here.

        Returns:
            Logits `[batch, length, vocab_size]`, minus infinity where a token is impossible, rounded to the type of
            the model; the state; and with `labels` the loss: nats per target, of logits that are not rounded.

        Raises:
            ValueError: with an index, nothing has been counted yet, or the index is damaged; or the cache is of
                another kind of model.
            TypeError: a tensor or a state is passed under a name that is not known here.
        """
        refuse_unknown_inputs(kwargs)
        past = None
        if self.config.has_index:
            use_cache = self.config.use_cache if use_cache is None else use_cache
            past = RecurrentCache.of(past_key_values, cache, _BATCH_DIM, use_cache)
            state = ScanState(*past.state.tensors) if past is not None and past.state.tensors else None
            logits, state = self._index_logits(input_ids, state, logits_to_keep)
            if past is not None and use_cache:
                past.state.advance(tuple(state), num_tokens=input_ids.shape[1])
        else:
            contexts = self._contexts((input_ids - EOS_ID).clamp(min=0))[:, -logits_to_keep:]
            logits = self._smoothed(self.counts[contexts])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits,
                labels=labels,
                vocab_size=self.config.vocab_size,
                num_items_in_batch=num_items_in_batch,
            )
        returned: Any = {STATE_NAME: past if use_cache else None}
        return CausalLMOutputWithPast(loss=loss, logits=logits.to(self.dtype), **returned)

    def extract_features(
        self,
        input_ids: torch.Tensor,
        *,
        state: ScanState | None = None,
        keep: int = 0,
        copy_counts: torch.Tensor | None = None,
    ) -> tuple[Features, ScanState]:
        """Return what the head makes probabilities of.

        Args:
            input_ids: `[batch, length]`.
            state: to go on from; the beginning of the genes where None.
            keep: features of this many last positions only; 0 for all.
            copy_counts: see `ngram_scan.scan`.


        Raises:
            ValueError: nothing has been counted yet, or the index is damaged.
        """
        if not self.index.size:
            raise ValueError("no gene has been counted yet; fit the model first")
        self.index.check()
        symbols = torch.tensor(SYMBOL_OF_TOKEN, dtype=torch.uint8, device=input_ids.device)[input_ids]
        return scan(
            self.index,
            self.head.feature_spec,
            symbols,
            self.head.log_odds,
            state=state,
            keep=keep,
            copy_counts=copy_counts,
        )

    @torch.no_grad()
    def _index_logits(
        self, input_ids: torch.Tensor, state: ScanState | None = None, keep: int = 0
    ) -> tuple[torch.Tensor, ScanState]:
        """Look and mix, on a CPU a few genes a thread at a time; logits in float32 at least."""
        batch, length = input_ids.shape
        kept = min(keep or length, length)
        shape, device = (batch, kept, self.config.vocab_size), input_ids.device
        logits = torch.full(shape, -torch.inf, dtype=self._precise_dtype, device=device)

        def predict(rows: slice) -> ScanState:
            before = None if state is None else ScanState(*(tensor[rows].to(device) for tensor in state))
            with torch.autocast(device.type, enabled=False):  # counts do not fit into short numbers
                features, after = self.extract_features(input_ids[rows], state=before, keep=kept)
                logits[rows, :, EOS_ID:] = self.head(features)
            return after

        size = max(1, _PLACES_PER_THREAD // max(length, 1) if device.type == "cpu" else batch)
        states = in_threads(predict, [slice(first, first + size) for first in range(0, max(batch, 1), size)])
        return logits, ScanState(*map(torch.cat, zip(*states, strict=True)))

    def _smoothed(self, counts: torch.Tensor) -> torch.Tensor:
        """Turn rows of the table, `[..., 5]`, into log-probabilities in float32 at least, `[..., vocab_size]`."""
        dtype = self._precise_dtype
        mass = torch.nn.functional.pad(counts.to(dtype), (EOS_ID, 0)) + self._pseudocounts(dtype)
        total = mass.sum(dim=-1, keepdim=True)
        if not self.config.paper:
            outcomes = torch.arange(self.config.vocab_size, device=mass.device) >= EOS_ID
            mass = torch.where(total > 0, mass, outcomes.to(mass))
            total = mass.sum(dim=-1, keepdim=True)
        return mass.log() - total.clamp(min=torch.finfo(mass.dtype).tiny).log()


__all__ = ["GeneNGramForCausalLM"]
