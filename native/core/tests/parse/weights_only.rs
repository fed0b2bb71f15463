//! The verdict on `torch.load(weights_only=True)`, against what torch did with every fixture.

use git_theta_core::bytes::Limits;
use git_theta_core::format::describe;
use serde_json::Value;

use super::build::*;
use super::fixtures::bytes;

#[test]
fn verdicts_are_those_of_torch() {
    let oracle: Value = serde_json::from_slice(&bytes("weights_only.json")).unwrap();
    let (mut loads, mut refused) = (0, 0);
    for (name, expected) in oracle["files"].as_object().unwrap() {
        let facts = describe(&bytes(name), &Limits::default()).unwrap();
        let found = facts.weights_only.unwrap();
        assert_eq!(oracle["rules"], found.rules);
        assert_eq!(
            expected["loads"], found.loads,
            "{name}: {:?}",
            found.because
        );
        assert_eq!(found.loads, found.because.is_empty());
        let said = |text: &str| found.because.iter().any(|line| line.contains(text));
        if let Some(global) = expected["global"].as_str() {
            let known = facts.globals.unwrap();
            assert!(known.iter().any(|name| name == global), "{name}: {known:?}");
            assert!(
                said(&format!("{global} is not an allowed global")),
                "{name}"
            );
        }
        if expected["opcode"].is_number() {
            assert!(said("opcode"), "{name}: {:?}", found.because);
        }
        match found.loads {
            true => loads += 1,
            false => refused += 1,
        }
    }
    assert!(loads > 50 && refused > 5, "{loads} {refused}");
}

#[test]
fn torchscript_is_refused_whatever_is_in_it() {
    let archive = torch_zip(&[
        ("data.pkl", &pickle(&int(1))),
        ("constants.pkl", &pickle(b")")),
        ("version", b"3\n"),
    ]);
    let facts = describe(&archive, &Limits::default()).unwrap();
    assert_eq!(facts.writer.as_deref(), Some("torch.jit.save"));
    let verdict = facts.weights_only.unwrap();
    assert_eq!(
        verdict.because,
        ["TorchScript archives are not loaded with weights_only"]
    );
}

#[test]
fn a_damaged_pickle_tells_what_stands_before_the_fault() {
    let call = reduce(&global("os", "system"), &[string("id")]);
    let facts = describe(
        &with_pickle(&[&call[..], b"\xff"].concat()),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(facts.globals.unwrap(), ["os.system"]);
    let because = facts.weights_only.unwrap().because;
    assert!(because[0].starts_with("os.system is in a blocked module"));
    assert!(because[1].contains("unknown opcode 0xff"));
    assert!(facts.objects.is_null());
}
