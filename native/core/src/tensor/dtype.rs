//! Element types, by the names that NumPy, ml_dtypes and Zarr use.

/// How the bytes of an element behave, which is what the chunk encoder goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Truth values and whole numbers, packed or not.
    Integer,
    /// Floating-point numbers; a complex number is two of them.
    Float,
}

macro_rules! dtypes {
    ($($variant:ident $name:literal $bits:literal $class:ident $zarr:expr;)*) => {
        /// The type of a tensor's elements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is its own name")]
        pub enum Dtype { $($variant,)* }

        impl Dtype {
            /// Every type, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name used in manifests and hashes.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits of one element. Types under 8 bits are packed: a tensor fills whole bytes.
            #[must_use]
            pub fn bits(self) -> u64 {
                match self { $(Self::$variant => $bits,)* }
            }

            /// How the bytes behave.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// The Zarr v3 data type under which elements are stored; `None` for types that Zarr
            /// readers do not know, which are stored as `uint8` (see `zarr::stored`).
            #[must_use]
            pub fn zarr(self) -> Option<&'static str> {
                match self { $(Self::$variant => $zarr,)* }
            }
        }
    };
}

dtypes! {
    Bool "bool" 8 Integer Some("bool");
    Int8 "int8" 8 Integer Some("int8");
    Int16 "int16" 16 Integer Some("int16");
    Int32 "int32" 32 Integer Some("int32");
    Int64 "int64" 64 Integer Some("int64");
    UInt8 "uint8" 8 Integer Some("uint8");
    UInt16 "uint16" 16 Integer Some("uint16");
    UInt32 "uint32" 32 Integer Some("uint32");
    UInt64 "uint64" 64 Integer Some("uint64");
    Float16 "float16" 16 Float Some("float16");
    BFloat16 "bfloat16" 16 Float Some("bfloat16");
    Float32 "float32" 32 Float Some("float32");
    Float64 "float64" 64 Float Some("float64");
    Complex32 "complex32" 32 Float None;
    Complex64 "complex64" 64 Float Some("complex64");
    Complex128 "complex128" 128 Float Some("complex128");
    Float8E4m3fn "float8_e4m3fn" 8 Float None;
    Float8E4m3fnuz "float8_e4m3fnuz" 8 Float Some("float8_e4m3fnuz");
    Float8E5m2 "float8_e5m2" 8 Float Some("float8_e5m2");
    Float8E5m2fnuz "float8_e5m2fnuz" 8 Float Some("float8_e5m2fnuz");
    Float8E8m0fnu "float8_e8m0fnu" 8 Float Some("float8_e8m0fnu");
    Float6E2m3fn "float6_e2m3fn" 6 Integer None;
    Float6E3m2fn "float6_e3m2fn" 6 Integer None;
    Float4E2m1fn "float4_e2m1fn" 4 Integer None;
    Float4E2m1fnX2 "float4_e2m1fn_x2" 8 Integer None;
    QInt8 "qint8" 8 Integer None;
    QUInt8 "quint8" 8 Integer None;
    QInt32 "qint32" 32 Integer None;
    QUInt4x2 "quint4x2" 8 Integer None;
    QUInt2x4 "quint2x4" 8 Integer None;
    Bits8 "bits8" 8 Integer None;
    Bits16 "bits16" 16 Integer None;
    Bits1x8 "bits1x8" 8 Integer None;
    Bits2x4 "bits2x4" 8 Integer None;
    Bits4x2 "bits4x2" 8 Integer None;
}

impl Dtype {
    /// The type of this name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| d.name() == name)
    }

    /// Bytes of one element; `None` for types that are packed below the byte.
    #[must_use]
    pub fn item_size(self) -> Option<u64> {
        self.bits().is_multiple_of(8).then_some(self.bits() / 8)
    }

    /// Bytes that `shape` takes without gaps. `None` on overflow of 63 bits, and when packed
    /// elements do not end on a byte.
    #[must_use]
    pub fn byte_len(self, shape: &[u64]) -> Option<u64> {
        let mut bits = u128::from(self.bits());
        for &dim in shape {
            if dim == 0 {
                return Some(0);
            }
        }
        for &dim in shape {
            bits = bits.checked_mul(u128::from(dim))?;
        }
        if !bits.is_multiple_of(8) {
            return None;
        }
        u64::try_from(bits / 8)
            .ok()
            .filter(|&n| n <= i64::MAX as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        for &d in Dtype::ALL {
            assert_eq!(Dtype::parse(d.name()), Some(d));
        }
        assert_eq!(Dtype::parse("float128"), None);
    }

    #[test]
    fn byte_lengths() {
        assert_eq!(Dtype::Float32.byte_len(&[2, 3]), Some(24));
        assert_eq!(Dtype::Float32.byte_len(&[]), Some(4));
        assert_eq!(Dtype::Float64.byte_len(&[0, u64::MAX]), Some(0));
        assert_eq!(Dtype::Float4E2m1fn.byte_len(&[3]), None);
        assert_eq!(Dtype::Float6E2m3fn.byte_len(&[4]), Some(3));
        assert_eq!(Dtype::UInt8.byte_len(&[u64::MAX, 2]), None);
    }
}
