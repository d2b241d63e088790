# `cimport irwinhall`: the C functions under the package's own name.
from irwinhall._core cimport (
    IH_AS_PRINTED,
    IH_NODE_AVERAGE,
    ih_expected_magnitude,
    ih_expected_magnitude_array,
    ih_formula,
    ih_letkeman_bound,
    ih_letkeman_bound_array,
    ih_letkeman_bound_normalized,
    ih_letkeman_bound_normalized_array,
    ih_preserved_magnitude,
    ih_preserved_magnitude_array,
)
