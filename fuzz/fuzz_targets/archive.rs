//! What `torch.save` would write around a pickle: two storages, and no checksums.

use git_theta_core::zip::{Payload, Record, TorchZip, ZipPart};

pub fn archive(pickle: &[u8]) -> Vec<u8> {
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
