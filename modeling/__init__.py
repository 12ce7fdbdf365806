"""Model families of genelm; importing this package registers them with the Auto classes of transformers.

The `configuration_*.py` and `modeling_*.py` files import nothing of ours: they travel to the Hub with the weights.
"""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from .configuration_gene_ngram import GeneNGramConfig
from .configuration_gene_rnn import GeneRNNConfig
from .generate import generate_genes
from .model_folder import (
    CURVE_FILE,
    RECORD_FILE,
    describe_model,
    is_causal,
    is_model_file,
    lacks_only_our_tokenizer,
    load_model_folder,
    model_fingerprint,
    new_record,
    read_record,
    resolve_model_folder,
    save_model_folder,
)
from .modeling_gene_ngram import GeneNGramForCausalLM
from .modeling_gene_rnn import GeneRNNForCausalLM, GeneRNNModel
from .ngram_fitting import default_config, fit_head
from .recurrent_cache import STATE_NAME
from .traits import ModelTraits, traits_of

AutoConfig.register("gene_ngram", GeneNGramConfig)
AutoConfig.register("gene_rnn", GeneRNNConfig)
AutoModel.register(GeneNGramConfig, GeneNGramForCausalLM)
AutoModel.register(GeneRNNConfig, GeneRNNModel)
AutoModelForCausalLM.register(GeneNGramConfig, GeneNGramForCausalLM)
AutoModelForCausalLM.register(GeneRNNConfig, GeneRNNForCausalLM)

# `save_pretrained` then copies the code into the model folder, which so loads without genelm (trust_remote_code=True).
GeneNGramConfig.register_for_auto_class()
GeneRNNConfig.register_for_auto_class()
GeneNGramForCausalLM.register_for_auto_class("AutoModelForCausalLM")
GeneRNNModel.register_for_auto_class("AutoModel")
GeneRNNForCausalLM.register_for_auto_class("AutoModelForCausalLM")

__all__ = [
    "CURVE_FILE",
    "RECORD_FILE",
    "STATE_NAME",
    "GeneNGramConfig",
    "GeneNGramForCausalLM",
    "GeneRNNConfig",
    "GeneRNNForCausalLM",
    "GeneRNNModel",
    "ModelTraits",
    "default_config",
    "describe_model",
    "fit_head",
    "generate_genes",
    "is_causal",
    "is_model_file",
    "lacks_only_our_tokenizer",
    "load_model_folder",
    "model_fingerprint",
    "new_record",
    "read_record",
    "resolve_model_folder",
    "save_model_folder",
    "traits_of",
]
