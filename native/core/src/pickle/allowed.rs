//! The globals that torch's `weights_only` unpickler allows, and what they are.
//!
//! In: `module.name`. Out: its [`Kind`], or `None` when it is not allowed. Specification:
//! `_get_allowed_globals` in `torch/_weights_only_unpickler.py` of [`RULES`].

/// Whose rules these are.
pub const RULES: &str = "torch 2.15";

/// Bytes of a name that can be an allowed one.
pub(super) const LONGEST: usize = 100;

/// What an allowed global is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A dtype or a scheme of quantisation.
    Value,
    /// A name of a storage's type.
    Storage,
    /// Makes something of another type, which is not allowed as such.
    Maker,
    /// A class whose instances have no attributes.
    Class,
    /// Makes a dict whose items can be set.
    Dict,
    /// Makes a tensor.
    Tensor,
    /// Makes an instance that takes a state.
    Instance,
}

/// See the module.
pub(super) fn allowed(path: &str) -> Option<Kind> {
    Some(match path {
        "collections.OrderedDict" | "collections.Counter" => Kind::Dict,
        "builtins.bytearray" | "builtins.complex" | "builtins.set" | "torch.Size"
        | "torch.device" => Kind::Class,
        "_codecs.encode" | "torch.serialization._get_layout" => Kind::Maker,
        "torch.Tensor" | "torch.nn.parameter.Parameter" | "torch._tensor._rebuild_from_type_v2" => {
            Kind::Tensor
        }
        "torch.storage.TypedStorage"
        | "torch.storage.UntypedStorage"
        | "torch.distributed._mesh_layout._FlatLayout"
        | "torch.distributed._mesh_layout._MeshLayout" => Kind::Instance,
        _ => {
            let name = path.strip_prefix("torch.")?;
            let rebuild = name.strip_prefix("_utils._rebuild_");
            let legacy = name.strip_suffix("Tensor").map(|name| {
                let name = name.strip_prefix("cuda.").unwrap_or(name);
                let sparse = name.strip_prefix("sparse.");
                let known = NUMBERS.contains(&sparse.unwrap_or(name));
                known || (sparse.is_none() && name == "Bool")
            });
            let storage = name.strip_suffix("Storage").map(|name| {
                let plain = name.strip_prefix("cuda.");
                let every = ["Bool", "ComplexDouble", "ComplexFloat"];
                let name = plain.unwrap_or(name);
                let known = NUMBERS.contains(&name) || every.contains(&name);
                known || (plain.is_none() && QUANTISED.contains(&name))
            });
            if rebuild.is_some_and(|name| REBUILD.contains(&name)) || legacy == Some(true) {
                Kind::Tensor
            } else if storage == Some(true) {
                Kind::Storage
            } else if VALUES.contains(&name) {
                Kind::Value
            } else {
                return None;
            }
        }
    })
}

const NUMBERS: &[&str] = &[
    "BFloat16", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short",
];

const QUANTISED: &[&str] = &["QInt32", "QInt8", "QUInt2x4", "QUInt4x2", "QUInt8"];

/// What follows `_rebuild_`.
const REBUILD: &[&str] = &[
    "device_tensor_from_cpu_tensor",
    "device_tensor_from_numpy",
    "meta_tensor_no_storage",
    "parameter",
    "parameter_with_state",
    "qtensor",
    "sparse_tensor",
    "tensor",
    "tensor_v2",
    "tensor_v3",
    "wrapper_subclass",
];

/// Dtypes, and schemes of quantisation.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "bcomplex32", "bfloat16", "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "bool",
    "complex128", "complex32", "complex64", "float16", "float32", "float4_e2m1fn_x2", "float64",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
    "int1", "int16", "int2", "int3", "int32", "int4", "int5", "int6", "int64", "int7", "int8",
    "per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric",
    "per_tensor_affine", "per_tensor_symmetric", "qint32", "qint8", "quint2x4", "quint4x2",
    "quint8", "uint1", "uint16", "uint2", "uint3", "uint32", "uint4", "uint5", "uint6", "uint64",
    "uint7", "uint8",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_torch() {
        let count = |names: &[&str], kind: Kind| {
            names
                .iter()
                .filter(|name| allowed(name) == Some(kind))
                .count()
        };
        assert_eq!(
            count(
                &[
                    "torch.FloatStorage",
                    "torch.cuda.BoolStorage",
                    "torch.QInt8Storage"
                ],
                Kind::Storage
            ),
            3
        );
        assert_eq!(
            count(
                &[
                    "torch.FloatTensor",
                    "torch.cuda.BoolTensor",
                    "torch.cuda.sparse.LongTensor"
                ],
                Kind::Tensor
            ),
            3
        );
        for path in [
            "torch.cuda.QInt8Storage",
            "torch.sparse.BoolTensor",
            "torch.sparse.FloatStorage",
            "torch._utils._rebuild_",
            "torch.Storage",
            "torchfloat32",
            "os.system",
        ] {
            assert!(allowed(path).is_none(), "{path}");
        }
    }
}
