//! The moving average against that of the published research code (`reference/ema.safetensors`: twenty updates with
//! decay 0.999, counted from 1).
use crate::shared::Reference;
use diffrep::train::ema_decay_at;
use diffrep_kernels::adam;
use std::path::Path;

#[test]
fn twenty_updates_agree_with_the_research_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ema.safetensors");
    let reference = Reference::read(&file);
    let mut average = reference.values("init").to_vec();
    let (params, shadows) = (reference.values("params"), reference.values("shadow"));
    let width = average.len();
    for (index, (params, shadow)) in params.chunks(width).zip(shadows.chunks(width)).enumerate() {
        let number = index as u64 + 1;
        // A step of rate 0 leaves the parameters and averages them, as in training.
        let plan = adam::Step {
            number,
            learning_rate: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            gradient_scale: 1.0,
            ema_decay: ema_decay_at(number, 0.999),
        };
        let (mut weights, zeros) = (params.to_vec(), vec![0.0; width]);
        adam::step(&plan, &mut weights, &zeros, &mut zeros.clone(), &mut zeros.clone(), &mut average);
        for (ours, theirs) in average.iter().zip(shadow) {
            assert!(
                (ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0),
                "update {number}: {ours} {theirs}"
            );
        }
    }
    assert_eq!(params.len(), 20 * width);
}
