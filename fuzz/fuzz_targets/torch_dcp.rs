#![no_main]
//! Runs of two archives of `torch.save`: the input is the content of the first one's `data.pkl`, up to a
//! byte of 255, and bytes that replace the run's end.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use git_theta_core::zip::{Payload, Record, TorchZip, ZipPart};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|&byte| byte == 255);
    let (pickle, end) = input.split_at(cut.unwrap_or(input.len()));
    let mut file = [archive(pickle), archive(b"N.")].concat();
    let end = end.get(1..).unwrap_or(&[]);
    file.truncate(file.len().saturating_sub(end.len()));
    file.extend_from_slice(end);
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
        layout.without_templates().check().unwrap();
    }
});

fn archive(pickle: &[u8]) -> Vec<u8> {
    let payloads: [(&str, &[u8]); 4] = [
        ("data.pkl", pickle),
        ("data/0", &[1; 16]),
        ("data/1", &[2; 24]),
        ("version", b"3\n"),
    ];
    let record = |(name, payload): (&str, &[u8])| Record {
        name: name.into(),
        offset: 0,
        len: payload.len() as u64,
        crc: 0,
        payload: Payload::Literal,
    };
    let zip = TorchZip {
        offset: 0,
        len: 0,
        archive: "m".into(),
        alignment: 64,
        crc: false,
        records: payloads.map(record).into(),
    };
    let plan = zip.plan().unwrap();
    let mut file = Vec::new();
    for part in plan.parts() {
        match part {
            ZipPart::Bytes(bytes) => file.extend_from_slice(bytes),
            ZipPart::Payload(index) => file.extend_from_slice(payloads[*index].1),
            ZipPart::Late(id, _) => file.extend(plan.late(*id, &[0; 4])),
        }
    }
    file
}
