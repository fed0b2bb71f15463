use super::*;

fn json(dtype: Dtype, bits: u128) -> Option<String> {
    let size = dtype.item_size().unwrap() as usize;
    to_json(dtype, &Fill::from_bits(bits, size).unwrap())
}

#[test]
fn hexadecimal_text() {
    let fill = Fill::from_element(&[0, 0, 0x80, 0x3f]).unwrap();
    assert_eq!(fill.to_string(), "0x3f800000");
    assert_eq!(Fill::parse("0x3f800000", 4), Some(fill));
    for bad in [
        "3f800000",
        "0x3f8000",
        "0x3F800000",
        "0x",
        "0x3f80000g",
        "0x3f8000000",
    ] {
        assert_eq!(Fill::parse(bad, 4), None, "{bad}");
    }
    assert_eq!(Fill::parse("0x", 0), None);
    assert_eq!(Fill::zero(2).to_string(), "0x0000");
    let mut out = [9; 6];
    Fill::parse("0x0102", 2).unwrap().repeat(&mut out);
    assert_eq!(out, [2, 1, 2, 1, 2, 1]);
}

#[test]
fn json_forms() {
    use Dtype as D;
    let cases: &[(Dtype, u128, Option<&str>)] = &[
        (D::Bool, 1, Some("true")),
        (D::Bool, 2, None),
        (D::Int8, 0xfd, Some("-3")),
        (D::UInt8, 200, Some("200")),
        (D::Int64, (1 << 53) - 1, Some("9007199254740991")),
        (D::Int64, 1 << 53, None),
        (D::UInt64, u64::MAX as u128, None),
        (D::Int64, u64::MAX as u128, Some("-1")),
        (D::Float32, 0, Some("0.0")),
        (D::Float32, 0x3f80_0000, Some("1.0")),
        (D::Float32, 0x3dcc_cccd, Some("0.10000000149011612")),
        (D::Float32, 0x8000_0000, Some("-0.0")),
        (D::Float32, 0x7fc0_0000, Some("\"NaN\"")),
        (D::Float32, 0xffc0_0000, None),
        (D::Float32, 0x7fc0_0001, None),
        (D::Float32, 0xff80_0000, Some("\"-Infinity\"")),
        (D::Float32, 1, Some("1.401298464324817e-45")),
        (
            D::Float64,
            0x7fef_ffff_ffff_ffff,
            Some("1.7976931348623157e308"),
        ),
        (D::Float64, 0x4341_c379_37e0_8000, Some("1e16")),
        (
            D::Float64,
            0x430c_6bf5_2634_0000,
            Some("1000000000000000.0"),
        ),
        (D::Float64, 0x3f1a_36e2_eb1c_432d, Some("0.0001")),
        (D::Float16, 0x3c00, Some("1.0")),
        (D::Float16, 0x7e00, Some("\"NaN\"")),
        (D::Float16, 0x7e01, None),
        (D::Float16, 1, Some("5.960464477539063e-8")),
        (D::BFloat16, 0, Some("0.0")),
        (D::BFloat16, 0x3f80, Some("\"0x3f80\"")),
        (D::Float8E8m0fnu, 0, Some("\"0x00\"")),
        (D::Float8E5m2, 0x3c, Some("\"0x3c\"")),
        (D::Complex64, 0, Some("[0.0,0.0]")),
        (D::Complex64, 0x3f80_0000, Some("[1.0,0.0]")),
        (D::Complex64, 0x7fc0_0001 << 32, None),
    ];
    for (dtype, bits, text) in cases {
        assert_eq!(json(*dtype, *bits).as_deref(), *text, "{dtype:?} {bits:x}");
    }
}

#[test]
fn json_reads_back() {
    for &dtype in Dtype::ALL.iter().filter(|d| d.zarr().is_some()) {
        let size = dtype.item_size().unwrap() as usize;
        let mut x = 1u128;
        let mut written = 0;
        for round in 0..70_000u128 {
            x = x
                .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
                .wrapping_add(1);
            // All bits of the small types; of the others, numbers of all sizes.
            let bits = if size <= 2 {
                round
            } else {
                x.rotate_left(64) >> (round % 128)
            };
            let mask = u128::MAX >> (128 - 8 * size);
            let fill = Fill::from_bits(bits & mask, size).unwrap();
            if let Some(text) = to_json(dtype, &fill) {
                assert_eq!(from_json(dtype, &text), Some(fill), "{dtype:?} {text}");
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                written += 1;
            }
        }
        assert!(written > 100, "{dtype:?}");
    }
}

#[test]
fn halves_are_ieee() {
    for bits in 0..=u16::MAX {
        let (ours, theirs) = (half_to_f64(bits), half::f16::from_bits(bits).to_f64());
        assert!(
            ours == theirs && ours.is_sign_negative() == theirs.is_sign_negative()
                || ours.is_nan() && theirs.is_nan()
        );
    }
}
