"""N-gram language model of genes: a table of counts that loads, scores and generates like any causal model.

The file stands alone: it travels to the Hub beside the counts and is loaded there with `trust_remote_code=True`.
The table has a row per context of n - 1 symbols, oldest first, in base 5: 0 for "no base here" (before the gene, or an
unknown base), 1 to 4 for A, C, G, T. Its five columns are the token ids 3 to 7: the end of the gene, A, C, G, T.
"""

from collections.abc import Iterable
from typing import Any

import torch
from transformers import GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutput

from .configuration_gene_ngram import GeneNGramConfig

UNK_ID, BOS_ID, EOS_ID, A_ID = 1, 2, 3, 4
NUM_OUTCOMES = 5
_COUNT_LIMIT = torch.iinfo(torch.int32).max
_BASES_PER_CHUNK = 1 << 22


class GeneNGramForCausalLM(PreTrainedModel, GenerationMixin):
    """N-gram model whose logits are natural logarithms of probabilities.

    It has no parameters: `counts` is an int32 buffer, `[5 ** (order - 1), 5]`, saved as any weight is. Logits have the
    floating-point type the model is loaded with; `dtype=torch.float64` gives the last digits.
    """

    config: GeneNGramConfig
    config_class = GeneNGramConfig
    base_model_prefix = ""
    _is_stateful = True

    def __init__(self, config: GeneNGramConfig) -> None:
        super().__init__(config)
        self.register_buffer("counts", torch.zeros(5 ** (config.order - 1), NUM_OUTCOMES, dtype=torch.int32))
        self.register_buffer("pseudocounts", self._pseudocounts(), persistent=False)
        self.loss_type = "ForCausalLM"
        self.post_init()

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    @property
    def device(self) -> torch.device:
        """The device of the counts; there are no parameters to ask."""
        return self.counts.device

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the logits."""
        return self.pseudocounts.dtype

    def _pseudocounts(self) -> torch.Tensor:
        """What smoothing adds to the count of each token id, `[vocab_size]`."""
        added = torch.zeros(self.config.vocab_size)
        if self.config.smoothing == "laplace":
            added[A_ID:] = self.config.pseudocount
            if self.config.paper:
                added[UNK_ID] = self.config.pseudocount
            if self.config.paper and self.config.order > 1:
                added[BOS_ID] = self.config.pseudocount
            if not self.config.paper or self.config.order > 1:
                added[EOS_ID] = self.config.pseudocount
        return added

    def _init_weights(self, module: torch.nn.Module) -> None:
        # A buffer that is not saved comes back from `from_pretrained` uninitialised.
        if isinstance(module, GeneNGramForCausalLM):
            init.copy_(module.pseudocounts, module._pseudocounts().to(module.pseudocounts))

    def _contexts(self, digits: torch.Tensor) -> torch.Tensor:
        """Return the table row of the context that ends at each position; `digits` is `[..., length]`, 0 to 4."""
        rows = torch.zeros_like(digits)
        for distance in range(min(self.config.order - 1, digits.shape[-1])):
            rows[..., distance:] += digits[..., : digits.shape[-1] - distance] * 5**distance
        return rows

    @torch.no_grad()
    def count(self, genes: Iterable[torch.Tensor]) -> "GeneNGramForCausalLM":
        """Add the n-grams of some genes to the counts.

        Args:
            genes: token ids of one gene each, `[length]`, without `[BOS]` and `[EOS]`. Bases and the end are counted;
                `[UNK]` is context only.

        Returns:
            The model itself.

        Raises:
            OverflowError: an n-gram occurs more than 2^31 - 1 times.
        """
        chunk: list[torch.Tensor] = []
        for gene in genes:
            chunk.append(gene.to(torch.int64))
            if sum(map(len, chunk)) >= _BASES_PER_CHUNK:
                self._count_chunk(chunk)
                chunk = []
        if chunk:
            self._count_chunk(chunk)
        return self

    def _count_chunk(self, genes: list[torch.Tensor]) -> None:
        # Every gene is preceded by n - 1 times "no base here", so that no context reaches into the gene before.
        start = torch.full((max(self.config.order - 1, 1),), BOS_ID)
        end = torch.tensor([EOS_ID])
        tokens = torch.cat([part for gene in genes for part in (start, gene, end)]).to(self.device)
        contexts = self._contexts((tokens - EOS_ID).clamp(min=0))[:-1]
        outcomes = tokens[1:] - EOS_ID
        counted = outcomes >= 0
        if self.config.paper and self.config.order == 1:
            counted &= outcomes > 0  # the paper's unigram model has no gene boundaries
        cells = (contexts * NUM_OUTCOMES + outcomes)[counted]
        distinct, added = torch.unique(cells, return_counts=True)
        table = self.counts.view(-1)
        total = table[distinct].to(torch.int64) + added
        if len(total) and int(total.max()) > _COUNT_LIMIT:
            raise OverflowError(f"an n-gram occurs {int(total.max())} times; the counts hold at most {_COUNT_LIMIT}")
        table[distinct] = total.to(torch.int32)

    def prepare_inputs_for_generation(self, input_ids: torch.LongTensor, **kwargs: Any) -> dict[str, Any]:
        """Give `generate` the tokens a prediction depends on: with or without a cache, the last n of them."""
        return {"input_ids": input_ids[:, -self.config.order :], "logits_to_keep": 1}

    def forward(
        self,
        input_ids: torch.LongTensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        logits_to_keep: int = 0,
        **kwargs: Any,
    ) -> CausalLMOutput:
        """Look up the token after each token.

        Args:
            input_ids: token ids, `[batch, length]`. Padding on the left reads as "before the gene", which it is.
            attention_mask: not needed: padding has an id of its own.
            labels: token ids whose prediction is scored, -100 where none is; `[batch, length]`, not shifted.
            logits_to_keep: give logits for this many last positions only; 0 for all.
            kwargs: `num_items_in_batch`, the number of targets the loss is divided by, and what `generate` passes to
                models with a cache.

        Returns:
            Logits `[batch, length, vocab_size]`, minus infinity where a token is impossible, and with `labels` the
            loss: nats per target.
        """
        contexts = self._contexts((input_ids - EOS_ID).clamp(min=0))[:, -logits_to_keep:]
        counts = self.counts[contexts].to(self.dtype)
        mass = torch.nn.functional.pad(counts, (EOS_ID, 0)) + self.pseudocounts
        total = mass.sum(dim=-1, keepdim=True)
        if not self.config.paper:
            outcomes = torch.arange(self.config.vocab_size, device=mass.device) >= EOS_ID
            mass = torch.where(total > 0, mass, outcomes.to(mass))
            total = mass.sum(dim=-1, keepdim=True)
        logits = mass.log() - total.clamp(min=torch.finfo(mass.dtype).tiny).log()
        loss = None
        if labels is not None:
            num_items = {key: kwargs[key] for key in ("num_items_in_batch",) if key in kwargs}
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **num_items)
        return CausalLMOutput(loss=loss, logits=logits)


__all__ = ["GeneNGramForCausalLM"]
