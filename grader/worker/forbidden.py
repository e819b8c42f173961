"""Forbidden built-ins by group: what an exercise's `forbidden` names, and by which access paths each could be reached.

A group lists Python names (looked for in `torch`, `torch.Tensor`, `torch.nn.functional`, `torch.special` and
others), module classes (in `torch.nn`), whole Python modules, single dotted functions, and patterns of dispatcher
operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ContentError


@dataclass(frozen=True)
class ForbiddenGroup:
    """Built-ins that a part may not use, and what to use instead.

    Attributes:
        advice: completes the sentence "cross_entropy may not call …: ".
        functions: names of functions and methods, looked for in every one of `OWNERS`.
        classes: names in `torch.nn`.
        modules: Python modules whose every function and class is off limits.
        dotted: single functions by full name.
        sources: more modules whose source is hidden.
        operators: a pattern that whole operator names (without namespace and overload) match.
    """

    advice: str
    functions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    dotted: tuple[str, ...] = ()
    operators: str = ""
    sources: tuple[str, ...] = ()

    @property
    def hidden_modules(self) -> tuple[str, ...]:
        """Modules whose source a worker may not read, so that it cannot be run again."""
        return (*self.modules, *self.sources)


_ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward")
_SOFTMAX = ("softmax", "log_softmax", "softmin", "gumbel_softmax")
_TRANSFORMERS = (
    "MultiheadAttention",
    "Transformer",
    "TransformerEncoder",
    "TransformerDecoder",
    "TransformerEncoderLayer",
    "TransformerDecoderLayer",
)
_RECURRENT = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "RNNBase", "RNNCellBase")
_ACTIVATIONS = (
    "relu",
    "relu_",
    "relu6",
    "leaky_relu",
    "leaky_relu_",
    "rrelu",
    "rrelu_",
    "prelu",
    "elu",
    "elu_",
    "selu",
    "selu_",
    "celu",
    "celu_",
    "gelu",
    "sigmoid",
    "sigmoid_",
    "hardsigmoid",
    "silu",
    "mish",
    "hardswish",
    "tanh",
    "tanh_",
    "hardtanh",
    "hardtanh_",
    "softplus",
    "softsign",
    "tanhshrink",
    "softshrink",
    "hardshrink",
    "threshold",
    "threshold_",
    "glu",
    "logsigmoid",
    "logsumexp",
    "logcumsumexp",
    "expit",
)
_LOSSES = (
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "nll_loss",
    "nll_loss_nd",
    "nll_loss2d",
    "cross_entropy",
    "cross_entropy_loss",
    "kl_div",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "soft_margin_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "ctc_loss",
    "linear_cross_entropy",
)

_SOFTMAX_OPERATORS = r"_?(safe_|masked_|sparse_|nested_tensor_)?(special_)?(log_)?softmax.*|.*attention.*"

GROUPS: dict[str, ForbiddenGroup] = {
    "linear": ForbiddenGroup(
        "write the sum of products yourself, with @, matmul, mv, einsum or sum",
        functions=("linear", "bilinear", *_ATTENTION),
        classes=("Linear", "Bilinear", "LazyLinear", "Identity", *_TRANSFORMERS, *_RECURRENT),
        modules=("torch.nn.quantized", "torch.ao.nn"),
        operators=r"_?(mkldnn_|mkl_)?linear(_backward.*|_pointwise.*)?|_mkl_linear|q?linear.*|bilinear|_trilinear|fbgemm_linear.*|.*attention.*|.*(lstm|gru|rnn_).*",
    ),
    "activations": ForbiddenGroup(
        "write it with exp, log1p, expm1, erf, where, clamp or maximum",
        functions=(*_ACTIVATIONS, *_SOFTMAX, *_ATTENTION, "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"),
        classes=("Softmax2d", "AdaptiveLogSoftmaxWithLoss", "CrossEntropyLoss", *_TRANSFORMERS, *_RECURRENT),
        modules=("torch.nn.modules.activation",),
        operators=(
            r"(_foreach_)?(special_)?(relu6?|leaky_relu|rrelu(_with_noise)?|_?prelu(_kernel)?|elu|selu|celu|gelu|sigmoid|hardsigmoid"
            r"|silu|mish|hardswish|tanh|hardtanh|softplus|softshrink|hardshrink|threshold|glu|log_sigmoid|expit|logsumexp"
            r"|_?logcumsumexp)(_functional|_forward|_jvp)?(_backward(_jvp)?)?_?|_add_relu_?|infinitely_differentiable_gelu_backward"
            r"|.*(lstm|gru|rnn_).*|.*_pointwise.*|.*(linear|conv\dd)_(relu|tanh|leaky_relu|add_relu).*|_addmm_activation|"
            + _SOFTMAX_OPERATORS
        ),
    ),
    "softmax": ForbiddenGroup(
        "write it with exp, sum and log (or logsumexp)",
        functions=(*_SOFTMAX, *_ATTENTION),
        classes=("Softmax", "LogSoftmax", "Softmin", "Softmax2d", "AdaptiveLogSoftmaxWithLoss", *_TRANSFORMERS),
        operators=_SOFTMAX_OPERATORS,
    ),
    "losses": ForbiddenGroup(
        "write the formula yourself",
        functions=_LOSSES,
        modules=("torch.nn.modules.loss",),
        operators=(
            r"(mse|l1|smooth_l1|huber|nll|cross_entropy|soft_margin|multi_margin|multilabel_margin|poisson_nll|cosine_embedding"
            r"|hinge_embedding|margin_ranking|triplet_margin|ctc|cudnn_ctc)_loss.*|nll_loss.*|_ctc_loss.*|_cudnn_ctc_loss|kl_div"
            r"|binary_cross_entropy.*|linear_cross_entropy.*"
        ),
    ),
    "autograd-tools": ForbiddenGroup(
        "write the calculus yourself",
        modules=(
            "torch.autograd.functional",
            "torch.func",
            "torch._functorch.apis",
            "torch._functorch.eager_transforms",
        ),
        dotted=(
            "torch.autograd.gradcheck.gradcheck",
            "torch.autograd.gradcheck.gradgradcheck",
            "torch.autograd.gradcheck",
            "torch.autograd.gradgradcheck",
            "torch.vmap",
        ),
    ),
    "autograd": ForbiddenGroup(
        "find the slope without autograd",
        functions=("backward",),
        operators=r"_make_dual(_copy)?|_unpack_dual|_fw_primal(_copy)?",
        modules=(
            "torch.autograd.functional",
            "torch.func",
            "torch._functorch.apis",
            "torch._functorch.eager_transforms",
        ),
        dotted=(
            "torch.autograd.grad",
            "torch.autograd.backward",
            "torch.autograd.graph._engine_run_backward",
            "torch.vmap",
            "torch.autograd.forward_ad.make_dual",
            "torch.autograd.forward_ad.enter_dual_level",
        ),
    ),
    "sum_to_size": ForbiddenGroup(
        "find the dimensions that were broadcast, and sum over them",
        functions=("sum_to_size", "_sum_to_size"),
        operators=r"sum_to_size|_?sum_to_size.*",
    ),
    "linear-function": ForbiddenGroup(
        "write it with @ and +",
        functions=("linear", "bilinear"),
        operators=r"(mkldnn_)?linear(_backward.*)?|bilinear|_trilinear",
    ),
    "named-parameters": ForbiddenGroup(
        "walk module._parameters and module._modules (or children) yourself",
        sources=("torch.nn.modules.module",),
        dotted=tuple(
            f"torch.nn.Module.{name}"
            for name in ("named_parameters", "parameters", "state_dict", "_named_members", "_save_to_state_dict")
        ),
    ),
    "optimizers": ForbiddenGroup(
        "write the update yourself",
        modules=tuple(
            f"torch.optim.{name}"
            for name in (
                "adadelta",
                "adagrad",
                "adam",
                "adamw",
                "adamax",
                "asgd",
                "lbfgs",
                "nadam",
                "radam",
                "rmsprop",
                "rprop",
                "sgd",
                "sparse_adam",
                "_adafactor",
                "_muon",
                "_functional",
            )
        ),
        operators=r"_fused_(sgd|adam|adamw|adagrad)_?",
    ),
    "clip": ForbiddenGroup(
        "compute the norm and the factor yourself",
        modules=("torch.nn.utils.clip_grad",),
    ),
    "mlp": ForbiddenGroup("build it of nn.Linear and nn.ReLU", modules=("torchvision.ops.misc", "torchvision.ops")),
    "models": ForbiddenGroup("build the network of layers yourself", modules=("torchvision.models",)),
    "convolutions": ForbiddenGroup(
        "slide the kernel yourself (unfold is allowed)",
        functions=tuple(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)) + ("conv_tbc", "convolution"),
        modules=("torch.nn.modules.conv", "torch.ao.nn"),
        operators=r"_?(?!convert)(mkldnn_|thnn_|cudnn_|miopen_|slow_|nnpack_spatial_)?(conv(_tbc|_depthwise\dd|_dilated\dd)?|convolution)(_transpose)?(\dd)?(_forward|_backward|_overrideable|_mode|_relu|_add_relu|_double)*.*",
    ),
    "max-pooling": ForbiddenGroup(
        "take the maximum over each window yourself",
        functions=tuple(
            f"{a}max_pool{n}d{i}"
            for a in ("", "adaptive_", "fractional_")
            for n in (1, 2, 3)
            for i in ("", "_with_indices")
        ),
        classes=tuple(f"{a}MaxPool{n}d" for a in ("", "Adaptive", "Fractional") for n in (1, 2, 3)),
        operators=r"(mkldnn_|quantized_|adaptive_|fractional_|_)?max_pool.*",
    ),
    "normalization": ForbiddenGroup(
        "use mean and var (or var_mean)",
        functions=(
            "batch_norm",
            "layer_norm",
            "instance_norm",
            "group_norm",
            "rms_norm",
            "local_response_norm",
            "native_batch_norm",
            "native_layer_norm",
            "native_group_norm",
            "batch_norm_stats",
            "batch_norm_elemt",
        ),
        modules=("torch.nn.modules.batchnorm", "torch.nn.modules.instancenorm", "torch.nn.modules.normalization"),
        operators=r"_?(native_|cudnn_|miopen_|quantized_|_)?(batch|layer|instance|group|rms)_norm.*|_native_batch_norm.*|_fused_rms_norm.*",
    ),
    "dropout": ForbiddenGroup(
        "draw a mask yourself",
        functions=tuple(
            f"{name}{tail}"
            for name in (
                "dropout",
                "dropout1d",
                "dropout2d",
                "dropout3d",
                "alpha_dropout",
                "feature_dropout",
                "feature_alpha_dropout",
                "native_dropout",
            )
            for tail in ("", "_")
        ),
        modules=(
            "torch.nn.modules.dropout",
            "torchvision.ops.stochastic_depth",
            "torchvision.ops.drop_block",
            "torchvision.ops",
        ),
        operators=r"_?(native_|alpha_|feature_|feature_alpha_|fused_)?dropout.*",
    ),
}

ALWAYS = ForbiddenGroup(
    "PyTorch's private parts and compilers are off limits in every exercise",
    dotted=("torch.compile", "torch.jit.script", "torch.jit.trace", "torch.jit.CompilationUnit"),
)
"""Forbidden in every exercise."""

BYPASSES = ("_jit_to_static_module", "parse_ir", "_create_function_from_graph", "_jit_script_compile", "_te")
"""Entries of `torch._C` that run kernels past the dispatcher; nothing but the compilers needs them."""

ALWAYS_HIDDEN = ("torch._decomp", "torch._refs", "torch._inductor")
"""Packages with PyTorch's functions written once more in Python; no worker may read them."""

OWNERS = (
    "torch",
    "torch.Tensor",
    "torch.nn.functional",
    "torch.special",
    "torch._C._nn",
    "torch._refs",
    "torch._refs.nn.functional",
    "torch._refs.special",
    "torch._decomp.decompositions",
    "torch._prims",
    "torch.sparse",
)
"""Modules and classes in which PyTorch keeps functions and methods."""


def find_group(name: str) -> ForbiddenGroup:
    """Return the group of that name; ContentError if there is none."""
    try:
        return GROUPS[name]
    except KeyError:
        known = ", ".join(sorted(GROUPS))
        raise ContentError(f"there is no group {name!r} of forbidden built-ins; there are {known}") from None


def build_operator_pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return one pattern for the operators of several groups, or None if they have none."""
    patterns = [find_group(name).operators for name in names if find_group(name).operators]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
