"""Finds and opens the compiled kernel; knows its functions' signatures and nothing else."""

from __future__ import annotations

import ctypes
import os
import sys
import warnings

ABI_VERSION = 18
"""Changes with every change of a signature or a structure in the C sources (ABI_VERSION there)."""

_ARRAY, _INTEGER, _REAL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
"""The kinds of arguments: an address, a whole number, a number."""


class ProblemRecord(ctypes.Structure):
    """`Problem` of problem.h, field by field; absent arrays are null."""

    _fields_ = (
        ("columns", _ARRAY),
        ("reference", _ARRAY),
        ("total", _ARRAY),
        ("overall", _ARRAY),
        ("leaves", _ARRAY),
        ("branches", _ARRAY),
        ("largest", _ARRAY),
        ("features", _ARRAY),
        ("leaf_sums", _ARRAY),
        ("rows", _ARRAY),
        ("reg_covar", _REAL),
        ("n", _INTEGER),
        ("d", _INTEGER),
        ("shape", _INTEGER),
        ("tied", _INTEGER),
        ("mahalanobis", _INTEGER),
    )


class TableRecord(ctypes.Structure):
    """`Table` of problem.h, field by field; absent arrays are null."""

    _fields_ = (
        ("values", _ARRAY),
        ("n", _INTEGER),
        ("d", _INTEGER),
        ("row_step", _INTEGER),
        ("column_step", _INTEGER),
        ("shift", _ARRAY),
        ("offset", _ARRAY),
        ("scale", _ARRAY),
    )


_START: list[type] = [_INTEGER, ctypes.POINTER(ProblemRecord), _INTEGER, _INTEGER]
"""What most functions begin with: the variant, the problem and two counts."""

_SIGNATURES: dict[str, tuple[type | None, list[type]]] = {
    "centaurus_best_variant": (_INTEGER, []),
    "centaurus_workspace_doubles": (_INTEGER, [_INTEGER] * 3),
    "centaurus_n_parts": (_INTEGER, [_INTEGER]),
    "centaurus_arrange": (None, [_ARRAY, _INTEGER, _INTEGER, _ARRAY]),
    "centaurus_help": (None, [_ARRAY] * 2),
    "centaurus_dismiss": (None, [_ARRAY]),
    "centaurus_assign_accumulate": (None, [*_START, *[_ARRAY] * 4, _INTEGER, *[_ARRAY] * 5]),
    "centaurus_accumulate": (None, [*_START, *[_ARRAY] * 5]),
    "centaurus_iterate": (None, [*_START, _INTEGER, _INTEGER, _REAL, *[_ARRAY] * 15]),
    "centaurus_uniforms": (None, [_ARRAY, *[_INTEGER] * 3, _ARRAY]),
    "centaurus_draw": (None, [*_START, *[_ARRAY] * 4]),
    "centaurus_drawing_doubles": (_INTEGER, [_INTEGER] * 3),
    "centaurus_table": (
        None,
        [_INTEGER, ctypes.POINTER(TableRecord), _INTEGER, *[_ARRAY] * 4],
    ),
    "centaurus_mix": (None, [*_START, *[_ARRAY] * 3, _INTEGER, *[_ARRAY] * 4]),
}
"""Function -> (result, arguments); the C sources say what they are."""


def library_path() -> str:
    """Where the build puts the library: beside this module."""
    suffix = {"darwin": "dylib", "win32": "dll"}.get(sys.platform, "so")
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), f"_kernel.{suffix}")


def load(path: str | os.PathLike[str] | None = None) -> ctypes.CDLL:
    """Open the library at `path`, by default the installed one, with its signatures set.

    Raises OSError when there is none, it cannot be loaded or it is of another version.
    """
    library = ctypes.CDLL(os.fspath(path) if path is not None else library_path())
    try:
        library.centaurus_abi_version.restype = _INTEGER
        version = library.centaurus_abi_version()
        if version != ABI_VERSION:
            raise OSError(f"it has version {version}, and {ABI_VERSION} is needed")
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise OSError(f"it lacks a function: {error}") from error
    return library


def load_if_there() -> ctypes.CDLL | None:
    """The installed library, or None. Its absence was said when the package was installed; one that
    is there and cannot be used is worth a warning."""
    try:
        return load()
    except OSError as error:
        if os.path.exists(library_path()):
            warnings.warn(
                f"The compiled kernel is not used: {error}. Results are the same, computed with "
                "NumPy, ten to thirty times slower. Install Centaurus again to compile it anew.",
                RuntimeWarning,
                stacklevel=2,
            )
        return None
