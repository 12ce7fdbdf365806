"""From counts to probabilities: the two smoothings of `gene_ngram` that look at contexts of many lengths.

The file stands alone: it travels to the Hub beside the model. Each head says what it looks at (`feature_spec`) and
turns features into natural logarithms of the probabilities of the end, A, C, G and T. Its numbers are fitted on genes
that were not counted.
"""

import math

import torch
from torch import nn

from .ngram_scan import COPY_STATES, SEED, Features, FeatureSpec

COUNT_CLASSES = 10
"""Counts of a context are told apart by their power of two, from 2^9 on no more."""

NUM_OUTCOMES = 5

MIXED_CONTEXTS = (1, 2, 3, 4, 6, 8, 10, 11, 12, 14, 16, 20, 23)
"""Lengths of the contexts that are mixed, as far as the order allows; chosen on validation genes."""

OWN_CONTEXTS = (1, 2, 3, 4, 6, 8, 11, 14, 18)
"""Lengths of contexts in the gene itself; chosen on validation genes."""

END_CONTEXTS = (1, 3, 6, 9, 11, 13, 16, 20)
"""Lengths of the contexts that predict the end of the gene."""

RAREST_HIT, SUREST_HIT = 0.02, 0.9995
"""Hit rates of copies are kept within: a state that was met once is not certain."""

HIDDEN_SIZE = 16
"""Of the network that weighs the predictions; more gained nothing."""


class InterpolatedHead(nn.Module):
    """Each context's counts are added to what the context one shorter says, as so many observations.

    `p_k(x) = (c_k(x) + s p_{k-1}(x)) / (n_k + s)`, from a uniform distribution up to the longest context, where c_k(x)
    counts x on the sense strand and, weighed by one number a length, on the other, and n_k is their sum. The strength
    s depends on k, on n_k, and on how many different symbols followed: with s the same for all n_k it is the Dirichlet
    smoothing of MacKay and Peto (1995), with s the number of different followers that of Witten and Bell (1991).

    Attributes:
        log_strengths: `[order, COUNT_CLASSES, 6]`.
        reverse_logits: logit of the other strand's weight, `[order]`.
    """

    epochs, positions_per_step, learning_rate = 6, 8192, 0.15

    def __init__(self, order: int, both_strands: bool) -> None:
        super().__init__()
        lengths = tuple(range(order))
        # What genes do that begin alike would be added once for each length, and believed as often.
        self.feature_spec = FeatureSpec(contexts=lengths, sense_contexts=lengths, beginning_once=True)
        self.both_strands = both_strands
        self.log_strengths = nn.Parameter(torch.empty(order, COUNT_CLASSES, NUM_OUTCOMES + 1))
        self.reverse_logits = nn.Parameter(torch.empty(order))

    @property
    def log_odds(self) -> torch.Tensor:
        """Of copies; none are followed."""
        return self.reverse_logits.new_zeros(COPY_STATES, dtype=torch.float32)

    def reset_parameters(self) -> None:
        """Begin with short contexts to be trusted once seen thirty times, and long ones at once."""
        order = len(self.log_strengths)
        with torch.no_grad():
            self.log_strengths.copy_(torch.linspace(3.4, -0.6, order)[:, None, None].expand_as(self.log_strengths))
            self.reverse_logits.zero_()

    def forward(self, features: Features) -> torch.Tensor:
        """Return log-probabilities of the end, A, C, G, T, `[..., NUM_OUTCOMES]`."""
        dtype = _at_least_float32(self.log_strengths)
        probabilities = features.counts.new_full((*features.counts.shape[:-2], NUM_OUTCOMES), 0.2, dtype=dtype)
        weights, log_strengths = self.reverse_logits.to(dtype).sigmoid(), self.log_strengths.to(dtype)
        for k in range(len(self.log_strengths)):
            counts = features.sense_counts[..., k, :].to(dtype)
            if self.both_strands:
                other = features.counts[..., k, :].to(dtype) - counts[..., 1:]
                counts = counts + nn.functional.pad(weights[k] * other, (1, 0))
            total = counts.sum(dim=-1, keepdim=True)
            count_class = total.detach().clamp(min=1).log2().long().clamp(max=COUNT_CLASSES - 1)[..., 0]
            distinct = (counts > 0).sum(dim=-1)
            strength = log_strengths[k, count_class, distinct].exp().unsqueeze(-1)
            probabilities = (counts + strength * probabilities) / (total + strength)
        return probabilities.clamp(min=torch.finfo(dtype).tiny).log()  # poly-A makes the rest vanish in float32


class MixtureHead(nn.Module):
    """The predictions of many contexts, of the gene itself and of copies, weighed by how much each knows.

    Every prediction is a distribution over A, C, G and T: counts with a pseudocount a length, or the logits of the
    copies. Their logarithms are added with weights and made a distribution again, `p(x) ~ exp(sum_i w_i ln p_i(x))`
    (logistic mixing: Mahoney, Adaptive weighing of context models for lossless data compression, 2005). The weights
    come from a small network that sees how often each context was met and how sure each prediction is.

    The end of the gene is predicted by contexts on the sense strand alone, as in `InterpolatedHead`.

    Attributes:
        log_pseudocounts: of each source of counts; the odds of copies are counted like bases seen.
        hit_rates: by state of a copy, how often its next base is right, `[COPY_STATES]`; counted, not learned.
        end_log_strengths: of each context in the prediction of the end.
    """

    epochs, positions_per_step, learning_rate = 3, 2048, 4e-3

    def __init__(self, order: int, own_gene: bool) -> None:
        super().__init__()
        contexts = tuple(k for k in MIXED_CONTEXTS if k < order)
        own_contexts = tuple(k for k in OWN_CONTEXTS if k < order) if own_gene else ()
        end_contexts = tuple(k for k in END_CONTEXTS if k <= contexts[-1])
        self.feature_spec = FeatureSpec(contexts, end_contexts, own_contexts, copies=order > SEED)
        num_sources = self.feature_spec.num_sources
        num_predictions = num_sources + 1
        self.log_pseudocounts = nn.Parameter(torch.empty(num_sources))
        self.hidden = nn.Linear(2 * num_predictions, HIDDEN_SIZE)
        self.weights = nn.Linear(HIDDEN_SIZE, num_predictions)
        self.direct_weights = nn.Linear(2 * num_predictions, num_predictions, bias=False)
        self.end_log_strengths = nn.Parameter(torch.empty(len(end_contexts)))
        self.register_buffer("hit_rates", torch.empty(COPY_STATES))

    hit_rates: torch.Tensor

    @property
    def log_odds(self) -> torch.Tensor:
        """By state of a copy, of its next base against each of the others."""
        hit_rates = self.hit_rates.float().clamp(RAREST_HIT, SUREST_HIT)
        return (3 * hit_rates / (1 - hit_rates)).log()

    def reset_parameters(self) -> None:
        """Begin with equal weights and with few observations needed where a context is long."""
        lengths = torch.tensor(self.feature_spec.contexts)
        with torch.no_grad():
            self.log_pseudocounts.zero_()
            self.log_pseudocounts[: len(lengths)] = torch.where(
                lengths < 10, 0.0, torch.where(lengths < 12, -0.7, -2.8)
            )
            nn.init.xavier_uniform_(self.hidden.weight)
            for zero in (self.hidden.bias, self.weights.weight, self.direct_weights.weight):
                nn.init.zeros_(zero)
            nn.init.constant_(self.weights.bias, 0.3)
            nn.init.constant_(self.end_log_strengths, 3.0)
            nn.init.constant_(self.hit_rates, 0.5)

    def forward(self, features: Features) -> torch.Tensor:
        """Return log-probabilities of the end, A, C, G, T, `[..., NUM_OUTCOMES]`."""
        dtype = _at_least_float32(self.log_pseudocounts)
        counts, copy_logits = features.counts.to(dtype), features.copy_logits.to(dtype)
        pseudocounts = self.log_pseudocounts.to(dtype).exp()
        observed = counts.sum(dim=-1)
        log_mass = (counts + pseudocounts.unsqueeze(-1).expand(-1, 4).contiguous()).log()
        surest = log_mass.amax(dim=-1) - (observed / 4 + pseudocounts).log()
        by_copies = (copy_logits.log_softmax(dim=-1) + math.log(4)).clamp(min=-8)
        surest_copy = copy_logits.amax(dim=-1, keepdim=True).clamp(min=0).log1p()
        inputs = torch.cat([observed.log1p(), surest, surest_copy, by_copies.amax(dim=-1, keepdim=True)], dim=-1)
        weights = _apply(self.weights, _apply(self.hidden, inputs).tanh()) + _apply(self.direct_weights, inputs)
        # What all four masses are divided by to make them probabilities is the same for all, and goes out.
        mixed = (weights[..., None, :-1] @ log_mass).squeeze(-2) + weights[..., -1:] * by_copies
        ends, goes_on = self._log_end(features.sense_counts.to(dtype))
        return torch.cat([ends, mixed.log_softmax(dim=-1) + goes_on], dim=-1)

    def _log_end(self, sense_counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log-probabilities that the gene ends here and that it goes on, `[..., 1]` each."""
        ends, total = sense_counts[..., 0], sense_counts.sum(dim=-1)
        strengths = self.end_log_strengths.to(sense_counts.dtype).exp()
        # Both are carried: where nearly all genes end, one minus the other would be zero.
        probability, complement = torch.full_like(ends[..., 0], 0.2), torch.full_like(ends[..., 0], 0.8)
        for k in range(ends.shape[-1]):
            mass = total[..., k] + strengths[k]
            probability = (ends[..., k] + strengths[k] * probability) / mass
            complement = (total[..., k] - ends[..., k] + strengths[k] * complement) / mass
        least = torch.finfo(ends.dtype).tiny
        return probability.clamp(min=least).log().unsqueeze(-1), complement.clamp(min=least).log().unsqueeze(-1)


def _at_least_float32(parameter: torch.Tensor) -> torch.dtype:
    """Return the type to compute in: counts do not fit into shorter ones."""
    return torch.promote_types(parameter.dtype, torch.float32)


def _apply(layer: nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
    """Apply a layer in the type of its inputs."""
    bias = None if layer.bias is None else layer.bias.to(inputs.dtype)
    return nn.functional.linear(inputs, layer.weight.to(inputs.dtype), bias)
