"""Initialize PyTorch tensors in place, with the functions of torch.nn.init and more.

::

    import irwinhall.torch as init
    init.letkeman_(layer.weight)

Every scheme of `irwinhall.schemes.SCHEMES` that sizes weights has a function of its name and an
underscore. Functions that torch.nn.init also has take the same arguments with the same meaning.
All draw from `irwinhall.Stream`: with `seed` and `name` the bits are those of
`irwinhall.sample_weights`, whatever the strides, the device and the sharding; without them,
torch.manual_seed or `generator` determines the weights.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    raise ImportError("irwinhall.torch needs PyTorch: pip install torch") from _error

from irwinhall._models.activations import ActivationFlow, FlowRow
from irwinhall._models.plan import Options
from irwinhall._models.report import Report, Row
from irwinhall.torch._fill import fill_
from irwinhall.torch._flow import activation_flow
from irwinhall.torch._functions import (
    calculate_gain,
    constant_,
    delta_orthogonal_,
    dirac_,
    eye_,
    he_normal_,
    he_normal_fan_out_,
    he_truncated_normal_,
    he_uniform_,
    he_uniform_fan_out_,
    identity_,
    inverse_softplus_log_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    kalafus_normal_,
    kalafus_uniform_,
    lecun_normal_,
    lecun_truncated_normal_,
    lecun_uniform_,
    letkeman_,
    letkeman_gaussian_,
    letkeman_normalized_,
    letkeman_normalized_gaussian_,
    log_of_uniform_,
    log_uniform_,
    lora_gaussian_,
    normal_,
    ones_,
    orthogonal_,
    siren_,
    siren_first_,
    sparse_,
    trunc_normal_,
    truncated_normal_,
    uniform_,
    uniform_between_,
    xavier_normal_,
    xavier_standard_,
    xavier_truncated_normal_,
    xavier_uniform_,
    zeros_,
)
from irwinhall.torch._lsuv import LsuvReport, lsuv_
from irwinhall.torch._methods import InitMethod, init_method
from irwinhall.torch._model import ParamInit, init_weights, param_init_fn
from irwinhall.torch._replacing import ReplaceReport, replace_init

__all__ = [
    "ActivationFlow",
    "FlowRow",
    "InitMethod",
    "LsuvReport",
    "Options",
    "ParamInit",
    "ReplaceReport",
    "Report",
    "Row",
    "activation_flow",
    "calculate_gain",
    "constant_",
    "delta_orthogonal_",
    "dirac_",
    "eye_",
    "fill_",
    "he_normal_",
    "he_normal_fan_out_",
    "he_truncated_normal_",
    "he_uniform_",
    "he_uniform_fan_out_",
    "identity_",
    "init_method",
    "init_weights",
    "inverse_softplus_log_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "kalafus_normal_",
    "kalafus_uniform_",
    "lecun_normal_",
    "lecun_truncated_normal_",
    "lecun_uniform_",
    "letkeman_",
    "letkeman_gaussian_",
    "letkeman_normalized_",
    "letkeman_normalized_gaussian_",
    "log_of_uniform_",
    "log_uniform_",
    "lora_gaussian_",
    "lsuv_",
    "normal_",
    "ones_",
    "orthogonal_",
    "param_init_fn",
    "replace_init",
    "siren_",
    "siren_first_",
    "sparse_",
    "trunc_normal_",
    "truncated_normal_",
    "uniform_",
    "uniform_between_",
    "xavier_normal_",
    "xavier_standard_",
    "xavier_truncated_normal_",
    "xavier_uniform_",
    "zeros_",
]
