"""Recurrent language model of genes: embedding, stacked LSTM or GRU layers, and a linear head.

The file stands alone: it travels to the Hub beside the weights and is loaded there with `trust_remote_code=True`.
The recurrent state plays the part of the key-value cache in `generate`, so its size does not grow with the gene.
"""

import contextlib
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

# Not used here: transformers from 5.4 to 5.9 copies the files that this one imports, and looks no further.
from .configuration_fields import check_fields as _check_fields  # noqa: F401
from .configuration_gene_rnn import GeneRNNConfig
from .recurrent_cache import STATE_NAME, RecurrentCache, refuse_unknown_inputs

_BATCH_DIM = 1
"""Of the states of torch's layers, each `[num_hidden_layers, batch, hidden_size]`."""


class GeneRNNPreTrainedModel(PreTrainedModel):
    """Weight initialisation and what the library needs to know of a recurrent model."""

    config: GeneRNNConfig
    config_class = GeneRNNConfig
    base_model_prefix = "model"
    # A state that cannot be cropped: assisted generation is refused with a clear message.
    _is_stateful = True
    carries_state = True
    """A long gene may be read piece by piece, `past_key_values` handed on."""

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            # With the usual 0.02 a recurrent layer hardly sees its input and learns late. A tied head needs less.
            std = module.embedding_dim**-0.5 if self.config.tie_word_embeddings else 1.0
            if _is_new(module.weight):
                module.weight.normal_(0.0, std)
            return
        if not isinstance(module, nn.LSTM | nn.GRU):
            super()._init_weights(module)
            return
        # Keras' initialisation, which the paper used: orthogonal recurrence, and an LSTM that starts by remembering.
        size = module.hidden_size
        for name, weight in module.named_parameters():
            if not _is_new(weight):
                continue
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(weight)
            elif name.startswith("weight_hh"):
                gates = [nn.init.orthogonal_(torch.empty(size, size)) for _ in range(weight.shape[0] // size)]
                weight.copy_(torch.cat(gates))
            else:
                weight.zero_()
                if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                    weight[size : 2 * size] = 1.0


def _is_new(parameter: torch.Tensor) -> bool:
    """Return whether a parameter needs first values: transformers marks those that it has loaded."""
    return not getattr(parameter, "_is_hf_initialized", False)


class GeneRNNModel(GeneRNNPreTrainedModel):
    """Embedding and recurrent layers, without a head."""

    _keys_to_ignore_on_load_unexpected = [r"^lm_head\."]  # noqa: RUF012

    def __init__(self, config: GeneRNNConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        cell = nn.LSTM if config.cell_type == "lstm" else nn.GRU
        self.layers = cell(
            config.embedding_size,
            config.hidden_size,
            num_layers=config.num_hidden_layers,
            dropout=config.dropout if config.num_hidden_layers > 1 else 0.0,
            batch_first=True,
        )
        self.post_init()

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        cache: Cache | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Run the tokens through the layers.

        Args:
            input_ids: token ids, `[batch, length]`.
            attention_mask: 1 for tokens and 0 for padding, on either side; `[batch, length]`, or longer where
                `past_key_values` has seen the earlier part.
            past_key_values: the state to go on from, as returned by an earlier call.
            inputs_embeds: embeddings instead of `input_ids`, `[batch, length, embedding_size]`.
            use_cache: whether to return the state; by default `config.use_cache`, and never in training.
            cache: `past_key_values` under its name since transformers 5.24.
            kwargs: what `generate` passes to attention models; not needed here.

        Returns:
            Hidden states of the last layer, `[batch, length, hidden_size]`, and the state.

        Raises:
            ValueError: not exactly one of `input_ids` and `inputs_embeds`, or a cache of another kind of model.
            TypeError: a tensor or a state is passed under a name that is not known here.
        """
        refuse_unknown_inputs(kwargs)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        if use_cache is None:
            use_cache = self.config.use_cache and not self.training
        past = RecurrentCache.of(past_key_values, cache, _BATCH_DIM, use_cache)

        inputs, weight = self._first_product(input_ids, inputs_embeds)
        batch, length, _ = inputs.shape
        weights = self.embed_tokens.weight  # not lowered by autocast, and neither is the state
        if past is not None and past.state.tensors:
            state = tuple(tensor.to(weights) for tensor in past.state.tensors)
        else:
            zeros = weights.new_zeros(self.config.num_hidden_layers, batch, self.config.hidden_size)
            state = (zeros, zeros) if self.config.cell_type == "lstm" else (zeros,)
        hidden_states, state = self._run_layers(inputs, weight, attention_mask, state)
        if past is not None and use_cache:
            past.state.advance(state, num_tokens=length)
        returned: Any = {STATE_NAME: past if use_cache else None}
        return BaseModelOutputWithPast(last_hidden_state=self.dropout(hidden_states), **returned)

    def _first_product(
        self, input_ids: torch.LongTensor | None, inputs_embeds: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the first layer multiplies: its inputs, `[batch, length, width]`, and its weight for them.

        Embeddings have one row a token, so their product with the weight has no more rows than that, either. Without
        dropout between the two it is made once, and picked from by tokens that are `vocab_size` wide instead of
        `embedding_size`. (cuDNN wants the weights of a layer side by side in memory, and multiplies as usual.)
        """
        weight: torch.Tensor = self.layers.get_parameter("weight_ih_l0")
        if input_ids is None:
            return self.dropout(inputs_embeds), weight
        if input_ids.is_cuda or (self.training and self.config.dropout > 0):
            return self.dropout(self.embed_tokens(input_ids)), weight
        table = weight @ self.embed_tokens.weight.T
        return nn.functional.one_hot(input_ids, self.config.vocab_size).to(table), table

    def _run_layers(
        self,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        attention_mask: torch.Tensor | None,
        state: tuple[torch.Tensor, ...],
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Run the recurrent layers so that padding, wherever it stands, neither is seen nor changes the state."""
        batch, length, _ = inputs.shape
        mask = None if attention_mask is None else attention_mask[:, -length:].bool()
        if mask is None or bool(mask.all()):
            return self._recur((inputs,), weight, state, batch_first=True)

        rows = mask.any(dim=1).nonzero().squeeze(1)  # a row of padding alone keeps its state
        outputs = inputs.new_zeros(batch, length, self.config.hidden_size)
        if len(rows) == 0:
            return outputs, state
        real_first = torch.argsort(~mask[rows], dim=1, stable=True).unsqueeze(-1)
        packed = pack_padded_sequence(
            inputs[rows].gather(1, real_first.expand(-1, -1, inputs.shape[-1])),
            mask[rows].sum(dim=1).cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        ordered = rows[packed.sorted_indices]
        data, new_state = self._recur(packed[:2], weight, tuple(tensor[:, ordered] for tensor in state))
        dense, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True, total_length=length)
        outputs[rows] = torch.zeros_like(dense).scatter(1, real_first.expand_as(dense), dense).to(outputs)
        new_tensors = zip(state, new_state, strict=True)
        return outputs, tuple(old.index_copy(1, ordered, new.to(old)) for old, new in new_tensors)

    def _recur(
        self,
        inputs: tuple[torch.Tensor, ...],
        weight: torch.Tensor,
        state: tuple[torch.Tensor, ...],
        **batch_first: bool,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Call torch's LSTM or GRU as `nn.LSTM` does, with a weight of the first layer that is given.

        Args:
            inputs: a batch, or the tokens and the batch sizes of a packed one.
            weight: multiplies the inputs of the first layer.
            state: of all layers.
            batch_first: as `nn.LSTM` takes it; for a batch that is not packed.

        Returns:
            Hidden states of the last layer, laid out as the inputs are, and the new state.
        """
        _, *others = (one for layer in self.layers.all_weights for one in layer)
        rnn: Any = torch.lstm if self.config.cell_type == "lstm" else torch.gru
        with _without_float16(weight):
            outputs, *new_state = rnn(
                *inputs,
                hx=state if self.config.cell_type == "lstm" else state[0],
                params=[weight, *others],
                has_biases=True,
                num_layers=self.config.num_hidden_layers,
                dropout=self.layers.dropout,
                train=self.training,
                bidirectional=False,
                **batch_first,
            )
        return outputs, tuple(new_state)

    def get_input_embeddings(self) -> nn.Module:
        """Return the embedding layer."""
        return self.embed_tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the embedding layer."""
        self.embed_tokens = value


def _without_float16(weight: torch.Tensor) -> contextlib.AbstractContextManager[Any]:
    """Keep a cuDNN layer in float32 (TF32 where that is allowed) where bfloat16 is asked for.

    PyTorch's autocast runs such layers in float16 whatever it was asked for, and gradients that nobody scales fall
    below the least number of that.
    """
    if weight.is_cuda and torch.get_autocast_dtype("cuda") == torch.bfloat16:
        return torch.autocast("cuda", enabled=False)
    return contextlib.nullcontext()


class GeneRNNForCausalLM(GeneRNNPreTrainedModel, GenerationMixin):
    """Recurrent model that predicts the next base."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: GeneRNNConfig) -> None:
        super().__init__(config)
        self.model = GeneRNNModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.loss_type = "ForCausalLM"
        self.post_init()

    def tie_weights(self, *args: Any, **kwargs: Any) -> None:
        """Let head and embedding share their weights where the configuration says so."""
        super().tie_weights(*args, **kwargs)
        if self.config.tie_word_embeddings:  # transformers 5.3 leaves it out where code comes with the model
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: int | torch.Tensor | None = None,
        cache: Cache | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict the token after each token; arguments as in `GeneRNNModel.forward`, and:

        Args:
            input_ids: as in `GeneRNNModel.forward`.
            attention_mask: as in `GeneRNNModel.forward`.
            past_key_values: as in `GeneRNNModel.forward`.
            inputs_embeds: as in `GeneRNNModel.forward`.
            labels: token ids whose prediction is scored, -100 where none is; `[batch, length]`, not shifted.
            use_cache: as in `GeneRNNModel.forward`.
            logits_to_keep: give logits for this many last positions only; 0 for all.
            num_items_in_batch: what the loss is divided by; by default the number of targets.
            cache: as in `GeneRNNModel.forward`.
            kwargs: as in `GeneRNNModel.forward`.

        Returns:
            Logits `[batch, length, vocab_size]`, the state, and with `labels` the loss: nats per target.
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            cache=cache,
            **kwargs,
        )
        logits = self.lm_head(outputs.last_hidden_state[:, -logits_to_keep:])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits,
                labels=labels,
                vocab_size=self.config.vocab_size,
                num_items_in_batch=num_items_in_batch,
            )
        returned: Any = {STATE_NAME: outputs.get(STATE_NAME)}
        return CausalLMOutputWithPast(loss=loss, logits=logits, **returned)


__all__ = ["GeneRNNForCausalLM", "GeneRNNModel", "GeneRNNPreTrainedModel"]
