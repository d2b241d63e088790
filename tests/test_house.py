"""The rules of the house: what every module, function and header must keep to."""

import ast
import graphlib
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from frameworks import framework

import irwinhall

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "irwinhall"
SOURCES = ROOT / "src_c"
TESTS = ROOT / "tests"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
# Modules that are there only with the framework of their name.
ADAPTERS = frozenset({"dask", "jax", "keras", "torch"})
HEAVY = ["scipy", "mpmath", "matplotlib", "torch", "jax", "keras", "dask", "tqdm", "fractions"]

# The rooms of the house, its packages and the modules beside them, and the floor of each. A module
# imports from rooms on lower floors, and from its own room.
FLOORS = {
    "_arguments": 0,
    "_files": 0,
    "_gain_constants": 0,
    "_keywords": 0,
    "_lookup": 0,
    "_moments": 0,
    "_quadrature": 0,
    "_version": 0,
    "_core": 1,
    "_distribution": 1,
    "exact": 1,
    "layouts": 1,
    "_arrays": 2,
    "approximations": 2,
    "distribution": 2,
    "executors": 2,
    "gains": 2,
    "_codegen": 3,
    "_infinite_width": 3,
    "certification": 3,
    "lsuv": 3,
    "schemes": 3,
    "stream": 3,
    "_matrices": 4,
    "montecarlo": 4,
    "recipes": 4,
    "stats": 4,
    "compare": 5,
    "sampling": 5,
    "_jax_drawing": 6,
    "_jax_shards": 6,
    "flow": 6,
    "weightfile": 6,
    "_models": 7,
    "dask": 7,
    "_jax_layers": 8,
    "_keras_model": 8,
    "tables": 8,
    "torch": 8,
    "_jax_flow": 9,
    "_jax_model": 9,
    "article": 9,
    "cli": 9,
    "keras": 9,
    "plots": 9,
    "__main__": 10,
    "jax": 10,
}

BINDINGS = ["_core", "_distribution"]

# The folders of src_c, and what each may include beside itself and the public headers.
C_FOLDERS = {
    "common": (),
    "magnitude": ("common",),
    "distribution": ("common",),
    "stream": ("common",),
    "montecarlo": ("common", "stream"),
}
# Packages whose private modules another may import: the generator fits what is not yet public.
ADMITTED = {("_codegen", "approximations"), ("certification", "approximations")}


# The Python function whose docstring starts as the C function's comment does.
TWINS = {
    "ih_expected_magnitude": irwinhall.expected_magnitude,
    "ih_letkeman_bound_normalized": irwinhall.letkeman_bound,
    "ih_preserved_magnitude": irwinhall.preserved_magnitude,
}


def _modules():
    """Return the file of every module but irwinhall itself, by its name inside the package."""
    files = {}
    for path in sorted(PACKAGE.rglob("*.py*")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if path.suffix in (".py", ".pyx") and name != "__init__":
            files[name.removesuffix(".__init__")] = path
    return files


FILES = _modules()
# Public are modules without an underscore, and those that have a public name elsewhere.
MODULES = sorted(
    {name for name in FILES if not re.search(r"(^|\.)_", name)} | {*irwinhall._SUBMODULES.values()}
)


def functions_of(path):
    """Return the names of the C functions that a header or .pxd file declares."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="ascii"), flags=re.DOTALL)
    return set(re.findall(r"\b(ih_\w+)\(", text))


def first_sentence(text):
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def comment_above(function):
    """Return the comment of irwinhall.h that stands right above a function."""
    header = (SOURCES / "irwinhall.h").read_text(encoding="ascii")
    before = re.split(rf"\w+ {function}\(", header)[0].rstrip()
    assert before.endswith("*/"), f"{function} has no comment of its own"
    comment = before[before.rindex("/*") + 2 : -2]
    return re.sub(r"\n \* ?", "\n", comment)


def module_or_none(name):
    """Import a module of the package, unless it is an adapter whose framework is not there."""
    try:
        return importlib.import_module(f"irwinhall.{name}")
    except ImportError:
        if name not in ADAPTERS or os.environ.get("IRWINHALL_REQUIRE_FRAMEWORKS"):
            raise
        return None


def public_functions():
    """Yield (name, object) of every public function and class of the package."""
    for module in (irwinhall, *filter(None, map(module_or_none, MODULES))):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if callable(value):
                yield f"{module.__name__}.{name}", value


def imported_modules(path):
    """Return which modules of the package a module imports, by ast, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found |= {
                name.removeprefix("irwinhall.") for name in names if name.startswith("irwinhall.")
            }
            found |= {"_core" for name in names if name == "irwinhall"}
        elif isinstance(node, ast.ImportFrom) and node.module == "irwinhall":
            found |= {named(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("irwinhall."):
            module = node.module.removeprefix("irwinhall.")
            inside = {f"{module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else module for name in inside}
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "irwinhall"
        ):
            found.add(named(node.attr))
    return found


def named(name):
    """Return the module that irwinhall.NAME is, or else its functions are made from."""
    name = irwinhall._SUBMODULES.get(name, name)
    return name if name in FILES else irwinhall._MODULE_OF.get(name, "_core")


def room(module):
    return module.split(".")[0]


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_tests(module):
    assert (TESTS / f"test_{module.split('.')[-1].lstrip('_')}.py").is_file()


@pytest.mark.parametrize("source", sorted(path.name for path in SOURCES.rglob("*.c")))
def test_every_c_file_is_named_by_a_test(source):
    named = [
        path.name
        for path in TESTS.glob("test_*.py")
        if path.name != Path(__file__).name and source in path.read_text(encoding="utf-8")
    ]
    assert named


@pytest.mark.parametrize("data", sorted(path.name for path in (TESTS / "data").iterdir()))
def test_every_data_file_is_named_by_the_tests(data):
    assert any(data in path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py"))


# ---- floors --------------------------------------------------------------------------------------


def test_every_room_has_a_floor():
    assert set(FLOORS) == {room(module) for module in FILES}


IMPORTS = {module: imported_modules(path) for module, path in FILES.items() if path.suffix == ".py"}


@pytest.mark.parametrize("module", IMPORTS)
def test_a_module_imports_only_from_floors_below(module):
    others = {name for name in IMPORTS[module] if room(name) != room(module)}
    assert {name for name in others if FLOORS[room(name)] >= FLOORS[room(module)]} == set()


@pytest.mark.parametrize("module", IMPORTS)
def test_a_module_imports_no_private_module_of_another_package(module):
    private = {name for name in IMPORTS[module] if "._" in name and room(name) != room(module)}
    assert {name for name in private if (room(module), room(name)) not in ADMITTED} == set()


def test_no_module_imports_itself_by_way_of_others():
    graphlib.TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names the circle


def test_the_wheel_has_every_package_but_the_generator():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {f"irwinhall.{name}" for name, path in FILES.items() if path.stem == "__init__"}
    shipped = {"irwinhall", "irwinhall.include"} | packages - {"irwinhall._codegen"}
    assert set(settings["tool"]["setuptools"]["packages"]) == shipped


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_binding_imports_nothing_of_the_package(binding):
    assert "irwinhall" not in re.findall(
        r"^(?:from|import)\s+(\w+)",
        (PACKAGE / f"{binding}.pyx").read_text(encoding="ascii"),
        re.MULTILINE,
    )


def test_the_exact_layer_imports_nothing_of_the_package():
    assert imported_modules(PACKAGE / "exact.py") == set()


def test_c_knows_no_python():
    text = "".join(path.read_text(encoding="ascii") for path in SOURCES.rglob("*.[ch]"))
    assert re.findall(r"Python\.h|Py[A-Z]\w+|malloc|printf", text) == []


@pytest.mark.parametrize("folder", C_FOLDERS)
def test_a_c_folder_includes_only_from_folders_below(folder):
    text = "".join(path.read_text(encoding="ascii") for path in (SOURCES / folder).rglob("*.[ch]"))
    assert set(re.findall(r'#include "(\w+)/', text)) <= {folder, *C_FOLDERS[folder]}


def test_every_c_folder_is_listed():
    assert set(C_FOLDERS) == {path.name for path in SOURCES.iterdir() if path.is_dir()}


def test_the_template_lists_the_verbs_that_it_uses():
    kernels = SOURCES / "stream" / "kernels"
    listed, code = (kernels / "ih_fill_template.h").read_text(encoding="ascii").split("*/", 1)
    verbs = set(re.findall(r"\bv_\w+(?=\(\))", listed))
    assert verbs == set(re.findall(r"\bv_\w+(?=\()", code))
    written = "".join(path.read_text(encoding="ascii") for path in kernels.iterdir())
    assert verbs == set(re.findall(r"^VERB .*?\b(v_\w+)\(", written, re.MULTILINE))


# ---- the import ----------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_heavy():
    names = [*HEAVY, "numpy"]  # NumPy's import is where Ctrl-C would meet the command line
    program = f"import sys, irwinhall; print(*[m for m in {names} if m in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []


# ---- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", irwinhall.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(irwinhall, name) is not None


@pytest.mark.parametrize("name", sorted(irwinhall._SUBMODULES.keys() - ADAPTERS))
def test_an_import_of_a_public_module_finds_the_same_as_the_attribute(name):
    assert importlib.import_module(f"irwinhall.{name}") is getattr(irwinhall, name)
    assert sys.modules[f"irwinhall.{name}"] is getattr(irwinhall, name)


def test_the_package_lists_its_public_names():
    assert sorted(irwinhall.__all__) == dir(irwinhall)


def test_an_unknown_name_is_named():
    with pytest.raises(AttributeError, match="module 'irwinhall' has no attribute 'letkemann'"):
        _ = irwinhall.letkemann


def test_the_adapters_can_be_had_but_are_not_listed():
    # A star import must not ask for every framework.
    assert set(irwinhall._SUBMODULES) > ADAPTERS
    assert ADAPTERS & set(irwinhall.__all__) == set()


@pytest.mark.parametrize("module", sorted(ADAPTERS & set(MODULES)))
def test_an_adapter_without_its_framework_says_what_to_install(module):
    program = f"import sys; sys.modules[{module!r}] = None; import irwinhall.{module}"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: irwinhall.{module} needs ")
    needed = re.match(r"[\w\[\],]+", EXTRAS[module][0])[0]  # without its version
    assert last.endswith(f": pip install {shlex.quote(needed)}")


def test_only_the_steps_of_a_release_install_from_pypi():
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *PACKAGE.rglob("*.py")]
    install = re.compile("pip install '?irwinhall")
    found = [path.name for path in files if install.search(path.read_text(encoding="utf-8"))]
    assert found == ["releasing.md"]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_docstring(module):
    if module in ADAPTERS:
        framework(module)
    assert importlib.import_module(f"irwinhall.{module}").__doc__


def test_every_public_function_has_a_docstring_with_an_example():
    documented = {name: inspect.getdoc(value) or "" for name, value in public_functions()}
    assert len(documented) > 100
    assert [n for n, text in documented.items() if "Examples\n--------\n" not in text] == []
    assert [n for n, text in documented.items() if ">>>" not in text] == []


def test_the_typed_clients_use_every_public_function():
    clients = sorted((TESTS / "support").glob("typed_*.py"))
    used = set(re.findall(r"\w+", "".join(path.read_text(encoding="utf-8") for path in clients)))
    functions = {name for name, value in public_functions() if not isinstance(value, type)}
    # Those of `certification` beside these two are pieces of its proofs, for other processes.
    pieces = {name for name in functions if "_certification.extremes" in name or "octaves" in name}
    assert {name for name in functions - pieces if name.split(".")[-1] not in used} == set()


@pytest.mark.parametrize("function", TWINS)
def test_the_c_comment_and_the_docstring_start_alike(function):
    expected = first_sentence(comment_above(function))
    assert expected == first_sentence(inspect.getdoc(TWINS[function]))


def test_the_standard_bound_is_described_as_the_header_describes_it():
    assert "standard Letkeman bound 1/A(n)" in first_sentence(comment_above("ih_letkeman_bound"))


# ---- the C interface -----------------------------------------------------------------------------

# Each public header, the binding that repeats it and the .pxd that passes it on.
HEADERS = {
    "irwinhall.h": ("_core", "__init__.pxd"),
    "ih_distribution.h": ("_distribution", "distribution.pxd"),
}
interface = pytest.mark.parametrize(
    ("header", "binding", "public"), [(header, *names) for header, names in HEADERS.items()]
)


@interface
def test_the_pxd_lists_exactly_the_functions_of_the_header(header, binding, public):
    assert functions_of(SOURCES / header) == functions_of(PACKAGE / f"{binding}.pxd")


@interface
def test_the_header_declares_every_constant_that_cimport_gives(header, binding, public):
    constants = set(re.findall(r"\bIH_\w+", (PACKAGE / public).read_text(encoding="ascii")))
    enumerations = re.findall(
        r"typedef enum \{(.*?)\} (\w+);", (SOURCES / header).read_text(encoding="ascii"), re.DOTALL
    )
    declared = {name for body, _ in enumerations for name in re.findall(r"^ +(IH_\w+)", body, re.M)}
    assert constants == declared
    text = (PACKAGE / public).read_text(encoding="ascii")
    assert {name for _, name in enumerations} <= set(re.findall(r"\bih_\w+", text))


@interface
def test_the_capsules_are_exactly_the_functions_of_the_header(header, binding, public):
    capsules = importlib.import_module(f"irwinhall.{binding}").__pyx_capi__
    assert functions_of(SOURCES / header) == set(capsules)


@interface
def test_cimport_gives_exactly_the_functions_of_the_header(header, binding, public):
    text = (PACKAGE / public).read_text(encoding="ascii")
    enumerations = {"ih_formula", "ih_irwin_hall_kind"}
    assert functions_of(SOURCES / header) == set(re.findall(r"\bih_\w+", text)) - enumerations
