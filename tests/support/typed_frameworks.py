"""What type checkers make of the adapters' functions, as in typed_client.py.

The frameworks' types are spelled as annotations, which hold with and without the framework.
"""

import dask.array as da
import jax
import keras
import torch
from torch import nn

import irwinhall.dask
import irwinhall.jax
import irwinhall.keras
import irwinhall.torch as init
from irwinhall import plots

# ---- PyTorch -------------------------------------------------------------------------------------

TENSOR = torch.empty(8, 8)
IN_PLACE = (
    init.letkeman_,
    init.letkeman_normalized_,
    init.letkeman_gaussian_,
    init.letkeman_normalized_gaussian_,
    init.xavier_standard_,
    init.xavier_uniform_,
    init.xavier_normal_,
    init.xavier_truncated_normal_,
    init.he_uniform_,
    init.he_normal_,
    init.he_truncated_normal_,
    init.he_uniform_fan_out_,
    init.he_normal_fan_out_,
    init.lecun_uniform_,
    init.lecun_normal_,
    init.lecun_truncated_normal_,
    init.kalafus_uniform_,
    init.kalafus_normal_,
    init.siren_first_,
    init.siren_,
    init.lora_gaussian_,
    init.uniform_between_,
    init.log_uniform_,
    init.log_of_uniform_,
    init.inverse_softplus_log_uniform_,
    init.orthogonal_,
    init.delta_orthogonal_,
    init.identity_,
)
filled: torch.Tensor = IN_PLACE[0](TENSOR, "relu", seed=1, name="w")
filled = init.fill_(TENSOR, "he_normal", gain="relu", seed=1)
filled = init.kaiming_uniform_(TENSOR, mode="fan_out")
filled = init.kaiming_normal_(TENSOR, nonlinearity="relu")
filled = init.uniform_(TENSOR, -1.0, 1.0)
filled = init.normal_(TENSOR, 0.0, 0.02)
filled = init.trunc_normal_(TENSOR, std=0.02)
filled = init.truncated_normal_(TENSOR, std=0.02)
filled = init.constant_(TENSOR, 0.5)
filled = init.zeros_(init.ones_(TENSOR))
filled = init.sparse_(init.eye_(TENSOR), 0.5, seed=1)
filled = init.dirac_(torch.empty(8, 8, 3), groups=2)
slope: float = init.calculate_gain("leaky_relu", 0.2)
method: init.InitMethod = init.init_method("he_normal", seed=1)
MODEL = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
drawn: init.Report = init.init_weights(MODEL, "he_normal", seed=1)
names: list[str] = [row.name for row in drawn.rows]
plots.report_figure(drawn.rows)
rescaled: init.LsuvReport = init.lsuv_(MODEL, TENSOR)
measured: init.ActivationFlow = init.activation_flow(MODEL, TENSOR)
delayed: init.ParamInit = init.param_init_fn(MODEL, "he_normal", seed=1)
with init.replace_init(seed=1) as replaced:
    nn.Linear(8, 8)
missed: tuple[str, ...] = replaced.missed

# ---- JAX, Keras and Dask -------------------------------------------------------------------------

FACTORIES = (
    irwinhall.jax.letkeman,
    irwinhall.jax.letkeman_normalized,
    irwinhall.jax.letkeman_gaussian,
    irwinhall.jax.letkeman_normalized_gaussian,
    irwinhall.jax.kalafus_uniform,
    irwinhall.jax.kalafus_normal,
    irwinhall.jax.glorot_uniform,
    irwinhall.jax.glorot_normal,
    irwinhall.jax.he_uniform,
    irwinhall.jax.he_normal,
    irwinhall.jax.lecun_uniform,
    irwinhall.jax.lecun_normal,
    irwinhall.jax.xavier_uniform,
    irwinhall.jax.xavier_normal,
    irwinhall.jax.kaiming_uniform,
    irwinhall.jax.kaiming_normal,
)
made: irwinhall.jax.Initializer = FACTORIES[0](gain="relu")
made = irwinhall.jax.initializer("letkeman")
made = irwinhall.jax.variance_scaling(2.0, "fan_in", "normal")
made = irwinhall.jax.normal(0.02)
made = irwinhall.jax.truncated_normal(0.02)
made = irwinhall.jax.orthogonal()
made = irwinhall.jax.delta_orthogonal()
array: jax.Array = made(jax.random.key(0), (8, 8))
PLACE = jax.sharding.SingleDeviceSharding(jax.devices()[0])
array = irwinhall.jax.sharded((8, 8), PLACE, "he_normal", seed=1)
layer: irwinhall.keras.SchemeInitializer = irwinhall.keras.HeNormal(seed=1)
layer = irwinhall.keras.Orthogonal(seed=1)
chunked: da.Array = irwinhall.dask.sample_weights((8, 8), rng=1, chunks=4)
irwinhall.dask.to_npy(chunked, "w.npy")
chosen: irwinhall.keras.Options = {"layout": "keras.dense", "parts": (6, 3, 3), "std": 0.02}
written: irwinhall.keras.Report = irwinhall.keras.init_weights(
    keras.Sequential(), seed=1, plan={"*/kernel": chosen}
)
rows: tuple[irwinhall.keras.Row, ...] = written.rows
remade, told = irwinhall.jax.init_weights({}, seed=1)
told_of: irwinhall.jax.Report = told
found = irwinhall.jax.linen_layers(object())
seen: irwinhall.jax.ActivationFlow = irwinhall.jax.activation_flow(object(), array)
seen_row: irwinhall.jax.FlowRow = seen.rows[0]
